// Numbers as people hide them -> plain digits, in place (chatbot/ingest/masking/detectors/
// spelled.py, whose patterns and tables the page holds). One character becomes one character.

import {compilePattern} from './text.js';

const [N_LONE, N_SPREAD, N_DISTINCT] = [4, 6, 3];

/** Plain forms of text. */
export class SpelledNumbers {
  /** @param {any} rules  shield_rules of chatbot/publishing/page/rules.py */
  constructor(rules) {
    const find = (/** @type {string} */ name) => new RegExp(rules[name][0], 'u');
    const whole = (/** @type {string} */ name) => new RegExp(`^(?:${rules[name][0]})$`, 'u');
    this.plain = new Map(Object.entries(rules.plain));
    this.spoken = new Map(Object.entries(rules.spoken));
    this.alikeDigits = new Map(Object.entries(rules.alike));
    this.odd = find('odd');
    this.hasSpelled = find('has_spelled');
    this.spokenPlate = compilePattern(rules.spoken_plate);
    this.run = compilePattern(rules.spoken_run);
    this.alike = compilePattern(rules.alike_run);
    this.digit = compilePattern(rules.digit);
    this.passport = whole('passport');
    this.plate = whole('plate');
    this.hangul = whole('hangul');
    this.firstWord = compilePattern(rules.first_word, 'uy');
    this.copula = compilePattern(rules.copula, 'uy');
    this.lastWord = find('last_word');
  }

  /**
   * Replace full-width forms, dashes, spaces and digits by their plain ASCII form.
   * @param {string} text
   * @returns {string}
   */
  plainForm(text) {
    if (!this.odd.test(text)) {
      return text;
    }
    return [...text].map((char) => this.plain.get(char) ?? char).join('');
  }

  /**
   * Replace spoken digits, and letters used as digits, by digits.
   * @param {string} text
   * @returns {string}
   */
  asDigits(text) {
    if (!this.hasSpelled.test(text)) {
      return text;
    }
    return text
      .replace(this.spokenPlate, (plate) => {
        const [before, syllable, number] = plate.split(' ');
        return `${this.digitsIn(before)} ${syllable} ${this.digitsIn(number)}`;
      })
      .replace(this.run, (...found) => this.fromSpoken(found[0], found.at(-2), found.at(-1)))
      .replace(this.alike, (run, prefix, number) => this.fromAlike(run, prefix, number));
  }

  /**
   * @param {string} words
   * @param {number} place  where they begin
   * @param {string} text
   * @returns {string}
   */
  fromSpoken(words, place, text) {
    const [start, end] = this.numberIn(words, place, text);
    const number = words.slice(start, end);
    const digits = number.match(this.digit) ?? [];
    const isSpoken = [...number].some((char) => this.spoken.has(char));
    const isNumber = digits.length >= (digits.length === number.length ? N_LONE : N_SPREAD);
    const isDull = new Set(digits).size < N_DISTINCT || this.plate.test(number);
    if (!(isSpoken && isNumber) || isDull) {
      return words;
    }
    return words.slice(0, start) + this.digitsIn(number) + words.slice(end);
  }

  /**
   * Return the span of the number in a run of digits, without parts of the words around it.
   * @param {string} words
   * @param {number} place
   * @param {string} text
   * @returns {[number, number]}
   */
  numberIn(words, place, text) {
    this.firstWord.lastIndex = 0;
    const before = place > 0 ? text[place - 1] : '';
    const start = this.hangul.test(before) ? (this.firstWord.exec(words)?.[0].length ?? 0) : 0;
    let last = this.lastWord.exec(words)?.index;
    this.copula.lastIndex = place + words.length;
    if (last === undefined && words.endsWith('이') && this.copula.test(text)) {
      last = words.length - 1;
    }
    return [start, Math.max(start, last || words.length)];
  }

  /**
   * @param {string} words
   * @returns {string}
   */
  digitsIn(words) {
    const dashed = words.replaceAll('다시', '--').replaceAll('에', '-');
    return [...dashed].map((char) => this.spoken.get(char) ?? char).join('');
  }

  /**
   * @param {string} run
   * @param {string} prefix
   * @param {string} number
   * @returns {string}
   */
  fromAlike(run, prefix, number) {
    const nDigits = (number.match(/[0-9]/g) ?? []).length;
    if (nDigits < N_SPREAD - 1 || this.passport.test(number)) {
      return run;
    }
    return prefix + [...number].map((char) => this.alikeDigits.get(char) ?? char).join('');
  }
}
