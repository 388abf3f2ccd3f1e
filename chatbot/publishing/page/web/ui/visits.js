// Whose history it is: a random name, drawn at the first login of a browser.
//
// The server has one password and no accounts, so it cannot tell two people at one browser apart.
// Logging out deletes the history and its name. Who logs in again after the login ran out finds it,
// and is offered to delete it before.
import {deleteHistories} from './history.js';
import {dropPreference, readPreference, writePreference} from './preferences.js';

/** @returns {string} the name of this browser's history, drawn if there is none */
export function currentVisit() {
  if (!hasVisited()) {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
    writePreference('visit', digits.join(''));
  }
  return readPreference('visit', '');
}

/** @returns {boolean} */
export function hasVisited() {
  return readPreference('visit', '') !== '';
}

/** Delete every conversation that this browser has had with any bot of this server. */
export async function forgetVisit() {
  dropPreference('visit');
  await deleteHistories();
}

/**
 * Act when another tab forgets the visit.
 * @param {() => void} act
 */
export function onForgottenVisit(act) {
  addEventListener('storage', () => {
    if (!hasVisited()) {
      act();
    }
  });
}
