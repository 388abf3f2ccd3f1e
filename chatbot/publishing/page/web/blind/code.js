// Answers -> the code that `chatbot blind --score` reads (chatbot/evaluation/blind/code.py).

/**
 * What was said about a question: whether its second text was shown, whether it was called the
 * bot's, and how sure (1 a guess to 3; 0 not said).
 * @typedef {{showsSecond: boolean, saysBot: boolean, sure: number}} Answer
 */

const PREFIX = 'blind';
const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/**
 * Return the code of a friend's answers, in groups of five letters.
 * @param {string} test  6 hexadecimal digits
 * @param {string} judge  4 hexadecimal digits
 * @param {Answer[]} answers
 * @returns {string}
 */
export function codeOfAnswers(test, judge, answers) {
  const nibbles = answers.map(({showsSecond, saysBot, sure}) => {
    return (showsSecond ? 8 : 0) | (saysBot ? 4 : 0) | sure;
  });
  const bytes = [...bytesOfHex(test + judge), answers.length];
  for (let i = 0; i < nibbles.length; i += 2) {
    bytes.push(nibbles[i] << 4 | (nibbles[i + 1] ?? 0));
  }
  return [`${PREFIX}1`, ...(bech32(bytes).match(/.{1,5}/g) ?? [])].join('-');
}

/**
 * @param {string} hex
 * @returns {number[]}
 */
function bytesOfHex(hex) {
  return (hex.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
}

/**
 * Write bytes in bech32 (BIP 173), without the prefix in front.
 * @param {number[]} bytes
 * @returns {string}
 */
function bech32(bytes) {
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const values = (bits.match(/.{1,5}/g) ?? []).map((five) => parseInt(five.padEnd(5, '0'), 2));
  const sum = checksum([...expandedPrefix(), ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = [25, 20, 15, 10, 5, 0].map((shift) => sum >> shift & 31);
  return [...values, ...check].map((value) => LETTERS[value]).join('');
}

/** @returns {number[]} */
function expandedPrefix() {
  const codes = [...PREFIX].map((letter) => letter.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

/**
 * @param {number[]} values
 * @returns {number} 30 bits
 */
function checksum(values) {
  return values.reduce((check, value) => {
    const top = check >>> 25;
    const next = (check & 0x1ffffff) << 5 ^ value;
    return GENERATORS.reduce((sum, term, bit) => (top >> bit & 1 ? sum ^ term : sum), next);
  }, 1);
}
