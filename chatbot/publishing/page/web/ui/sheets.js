// The page's own dialogs: sheets, and the question before something is lost.
import {byId} from './elements.js';
import {setText} from './language.js';

/**
 * Let a sheet be closed by its button, by Escape and by a click beside it.
 * @param {string} id
 */
export function prepareSheet(id) {
  const sheet = byId(id);
  byId(`${id}-close`).addEventListener('click', () => sheet.close());
  sheet.addEventListener('click', (/** @type {MouseEvent} */ event) => {
    if (event.target === sheet) {
      sheet.close();
    }
  });
}

/**
 * Ask whether to go on with something that cannot be undone.
 * @param {string} subject  of the keys confirm.SUBJECTTitle, ...Text, ...Action
 * @returns {Promise<boolean>}
 */
export function confirmed(subject) {
  const dialog = byId('confirm');
  setText(byId('confirm-title'), `confirm.${subject}Title`);
  setText(byId('confirm-text'), `confirm.${subject}Text`);
  setText(byId('confirm-yes'), `confirm.${subject}Action`);
  dialog.returnValue = '';
  byId('confirm-yes').onclick = () => dialog.close('yes');
  byId('confirm-no').onclick = () => dialog.close();
  dialog.showModal();
  byId('confirm-no').focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), {once: true});
  });
}
