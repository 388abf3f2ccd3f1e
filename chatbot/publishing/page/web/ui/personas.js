// The sheet in which one chooses who of the room answers.
import {byId, createElement, paintAvatar} from './elements.js';

/**
 * @param {{id: string, name: string}[]} personas
 * @param {string} current
 * @param {(persona: string) => import('./elements.js').Person} describe
 * @returns {Promise<string>} the chosen one, or the current one
 */
export function choosePersona(personas, current, describe) {
  const sheet = byId('personas');
  const buttons = personas.map(({id}) => {
    const person = describe(id);
    const button = createElement('button', 'persona-choice');
    const avatar = createElement('span', 'avatar');
    avatar.setAttribute('aria-hidden', 'true');
    paintAvatar(avatar, person);
    button.setAttribute('type', 'button');
    button.setAttribute('aria-pressed', String(id === current));
    button.append(avatar, createElement('span', 'persona-choice-name', person.name));
    button.addEventListener('click', () => sheet.close(id));
    return button;
  });
  byId('persona-list').replaceChildren(...buttons);
  sheet.returnValue = '';
  sheet.showModal();
  return new Promise((resolve) => {
    sheet.addEventListener('close', () => resolve(sheet.returnValue || current), {once: true});
  });
}
