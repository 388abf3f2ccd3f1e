// The language of the page: sentences, dates and times.
import {readPreference, writePreference} from './preferences.js';
import {STRINGS} from './strings.js';

/** @returns {'ko'|'en'} */
export function currentLanguage() {
  const spoken = navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en';
  return readPreference('language', spoken) === 'ko' ? 'ko' : 'en';
}

/**
 * Add the sentences of a page to those that all pages have.
 * @param {Record<'ko'|'en', Record<string, string>>} sentences
 */
export function addSentences(sentences) {
  Object.assign(STRINGS.ko, sentences.ko);
  Object.assign(STRINGS.en, sentences.en);
}

/**
 * Return a sentence in the current language.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function translate(key, values = {}) {
  const sentence = STRINGS[currentLanguage()][key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/**
 * Return the sentence for an error's code; `seconds` is how long to wait, if that is known.
 * @param {string} code
 * @param {number} seconds
 * @returns {string}
 */
export function translateError(code, seconds) {
  if (code === 'wait' && seconds > 90) {
    return translate('error.waitLong', {minutes: Math.ceil(seconds / 60)});
  }
  const key = `error.${code}`;
  return translate(key in STRINGS.en ? key : 'error.unknown', {seconds: Math.ceil(seconds)});
}

/**
 * @param {'ko'|'en'} language
 */
export function chooseLanguage(language) {
  writePreference('language', language);
  translateDocument();
}

/** Write every element with data-text, data-label or data-placeholder in the current language. */
export function translateDocument() {
  document.documentElement.lang = currentLanguage();
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = translate(element.getAttribute('data-text') ?? '');
  }
  for (const element of document.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', translate(element.getAttribute('data-label') ?? ''));
  }
  for (const element of document.querySelectorAll('[data-placeholder]')) {
    const sentence = translate(element.getAttribute('data-placeholder') ?? '');
    element.setAttribute('placeholder', sentence);
  }
}

/**
 * Set the sentence of an element, so that it follows a change of the language.
 * @param {Element} element
 * @param {string} key
 */
export function setText(element, key) {
  element.setAttribute('data-text', key);
  element.textContent = translate(key);
}

/**
 * @param {number} at  milliseconds since 1970
 * @returns {string} such as "오후 3:05"
 */
export function timeOfDay(at) {
  const form = new Intl.DateTimeFormat(currentLanguage(), {hour: 'numeric', minute: '2-digit'});
  return form.format(at);
}

/**
 * @param {number} at  milliseconds since 1970
 * @returns {string} such as "2026년 11월 28일 토요일"
 */
export function dayOf(at) {
  return new Intl.DateTimeFormat(currentLanguage(), {dateStyle: 'full'}).format(at);
}
