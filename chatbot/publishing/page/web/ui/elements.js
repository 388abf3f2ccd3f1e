// Small steps on the document that every part of the page takes.

/**
 * Return the element with an id of index.html.
 * @param {string} id
 * @returns {any}  any, because each caller knows which kind of element it asks for
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) {
    throw new Error(`no element #${id}`);
  }
  return element;
}

/**
 * Create an element; its text is never read as HTML.
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLElement}
 */
export function createElement(tag, className, text = '') {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * Whom a bubble is from, as the page shows them; nameless people have a number.
 * @typedef {{name: string, number: number, isNamed: boolean}} Person
 */

/**
 * Show the first letter of a person's name, on their colour.
 * @param {HTMLElement} avatar
 * @param {Person} person
 */
export function paintAvatar(avatar, {name, number, isNamed}) {
  avatar.textContent = isNamed ? firstLetter(name) : String(number + 1);
  avatar.dataset.colour = String(number % 6);
}

/**
 * @param {string} name
 * @returns {string} its first character as a person sees it
 */
function firstLetter(name) {
  if (typeof Intl.Segmenter === 'undefined') {
    return (Array.from(name)[0] ?? '').toUpperCase();
  }
  const [first] = new Intl.Segmenter().segment(name.trim());
  return (first?.segment ?? '').toUpperCase();
}

/**
 * Let a person keep a text as a file.
 * @param {string} name
 * @param {string} text
 */
export function saveTextFile(name, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/plain;charset=utf-8'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * Wait, or stop waiting as soon as the signal is aborted.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pauseFor(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, {once: true});
  });
}
