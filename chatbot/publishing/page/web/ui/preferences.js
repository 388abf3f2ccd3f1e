// What a person chose on this device: language, appearance, text size, the Enter key.

const PREFIX = 'chatbot.';
/** @type {Map<string, string>} */
const unsaved = new Map(); // where the browser stores nothing

/**
 * @param {string} name
 * @param {string} fallback
 * @returns {string}
 */
export function readPreference(name, fallback) {
  try {
    return localStorage.getItem(PREFIX + name) ?? unsaved.get(name) ?? fallback;
  } catch {
    return unsaved.get(name) ?? fallback;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function writePreference(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    unsaved.set(name, value); // private mode: it holds until the page is closed
  }
}

/** @param {string} name */
export function dropPreference(name) {
  unsaved.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // There is none.
  }
}
