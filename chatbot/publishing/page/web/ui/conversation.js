// Messages -> turns, and which messages a retry or an undo removes. Nothing here touches the page.

/**
 * @typedef {import('./backend.js').Turn} Turn
 *
 * A bubble of the conversation; persona is null for the person at this page, at: milliseconds.
 * @typedef {{id: number, persona: string|null, text: string, at: number}} Message
 */

const MAX_TURNS = 60;
const MAX_CHARACTERS = 12000; // far more than any context holds, far less than a server's limit

/**
 * Merge successive messages of a speaker into turns, and return the latest ones.
 * @param {Message[]} messages
 * @returns {Turn[]}
 */
export function turnsOf(messages) {
  /** @type {Turn[]} */
  const turns = [];
  for (const {persona, text} of messages) {
    const last = turns.at(-1);
    if (last && last.persona === persona) {
      last.text += `\n${text}`;
    } else {
      turns.push({persona, text});
    }
  }
  return latestTurns(turns);
}

/**
 * @param {Turn[]} turns
 * @returns {Turn[]} as many of the last ones as the limits allow, at least one
 */
function latestTurns(turns) {
  let start = turns.length;
  let nCharacters = 0;
  while (start > 0 && turns.length - start < MAX_TURNS) {
    nCharacters += turns[start - 1].text.length;
    if (nCharacters > MAX_CHARACTERS && start < turns.length) {
      break;
    }
    start -= 1;
  }
  return turns.slice(start);
}

/**
 * Whether the last message waits for an answer.
 * @param {Message[]} messages
 * @returns {boolean}
 */
export function isUnanswered(messages) {
  const last = messages.at(-1);
  return last !== undefined && last.persona === null;
}

/**
 * Return the bubbles of the last reply; none if the last message is not a reply.
 * @param {Message[]} messages
 * @returns {Message[]}
 */
export function lastReply(messages) {
  return isUnanswered(messages) ? [] : trailing(messages, messages.at(-1)?.persona ?? null);
}

/**
 * Return the last replies and the person's messages before them.
 * @param {Message[]} messages
 * @returns {Message[]}
 */
export function lastExchange(messages) {
  let rest = messages;
  while (rest.length > 0 && !isUnanswered(rest)) {
    rest = rest.slice(0, -1);
  }
  const nOwn = trailing(rest, null).length;
  return messages.slice(rest.length - nOwn);
}

/**
 * @param {Message[]} messages
 * @param {string|null} persona
 * @returns {Message[]}
 */
function trailing(messages, persona) {
  const start = messages.findLastIndex((message) => message.persona !== persona);
  return messages.slice(start + 1);
}

/**
 * Write a conversation as text: one line per bubble, as a messenger exports it.
 * @param {Message[]} messages
 * @param {(persona: string|null) => string} nameOf
 * @param {string} heading
 * @returns {string}
 */
export function asText(messages, nameOf, heading) {
  const lines = messages.map((message) => {
    const when = localStamp(message.at);
    return `[${when}] ${nameOf(message.persona)}: ${message.text}`;
  });
  return `${[heading, '', ...lines].join('\n')}\n`;
}

/**
 * @param {number} at
 * @returns {string} such as "2026-11-28 15:05", in the device's time zone
 */
export function localStamp(at) {
  const date = new Date(at);
  const pad = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}
