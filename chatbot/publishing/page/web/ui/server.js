// The backend that asks the server this page came from.
import {BackendError} from './backend.js';
import {chunksOf, streamLines} from './sse.js';

/** @typedef {import('./backend.js').Turn} Turn */
/** @typedef {import('./backend.js').ReplyEvent} ReplyEvent */
/** @typedef {import('./backend.js').Choice} Choice */

/** Codes of errors that the server sends after a reply has begun. */
const STREAM_ERRORS = new Map([['busy', 'busy'], ['shutting_down', 'busy'], ['timeout', 'slow']]);

/** Replies of the server, over its OpenAI-compatible interface. */
export class ServerBackend {
  /**
   * @param {{id: string, name: string}[]} personas
   * @param {string} visit  random, drawn at the login of this browser
   * @param {boolean} [storesChoices]  whether the owner of the server stores choices
   */
  constructor(personas, visit, storesChoices = false) {
    this.personas = personas;
    this.keepChoice = storesChoices ? (/** @type {Choice} */ choice) => this.send(choice) : null;
    // Another bot on the same address has another history.
    this.storageKey = `${visit}-${fingerprint(personas.map(({id}) => id).join('\n'))}`;
  }

  /**
   * @param {{turns: Turn[], persona: string}} request
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<ReplyEvent>}
   */
  async *reply({turns, persona}, signal) {
    const messages = turns.map((turn) => this.asMessage(turn, persona));
    const content = JSON.stringify({model: persona, messages, stream: true});
    const response = await send('/v1/chat/completions', content, signal);
    if (!response.ok || !response.body) {
      throw errorOf(response);
    }
    let isComplete = false;
    try {
      for await (const line of streamLines(chunksOf(response.body))) {
        isComplete ||= line.kind === 'data' && line.text === '[DONE]';
        yield* isComplete ? [] : eventsOf(line);
      }
    } catch (error) {
      throw error instanceof BackendError ? error : new BackendError('broken');
    }
    if (!isComplete) {
      throw new BackendError('broken');
    }
  }

  /**
   * To the persona that answers, other personas are people of the room.
   * @param {Turn} turn
   * @param {string} answering
   * @returns {{role: string, content: string, name?: string}}
   */
  asMessage({persona, text}, answering) {
    if (persona === answering) {
      return {role: 'assistant', content: text};
    }
    if (persona === null) {
      return {role: 'user', content: text};
    }
    const name = this.personas.find(({id}) => id === persona)?.name || persona;
    return {role: 'user', content: text, name};
  }

  /**
   * Tell the server of a choice; a conversation goes on without it.
   * @param {Choice} choice
   */
  async send({turns, persona, ...choice}) {
    const messages = turns.map((turn) => this.asMessage(turn, persona));
    const content = JSON.stringify({...choice, model: persona, messages});
    await send('/preferences', content).catch(() => {});
  }

  /** @returns {Promise<boolean>} whether any answer comes from the server */
  async isReachable() {
    try {
      await fetch('/health', {cache: 'no-store'});
      return true;
    } catch {
      return false;
    }
  }

  async close() {
    await send('/logout', '{}').catch(() => {}); // the cookie ends with the server's session too
  }
}

/**
 * Log in; throws a BackendError if the password is wrong or must wait.
 * @param {string} password
 */
export async function logIn(password) {
  const response = await send('/login', JSON.stringify({password}));
  if (!response.ok) {
    throw response.status === 401 ? new BackendError('wrong-password') : errorOf(response);
  }
}

/**
 * Return what the server is; throws BackendError('login') if a password is needed.
 * @returns {Promise<{personas: {id: string, name: string}[], storesChoices: boolean}>}
 */
export async function readServer() {
  const listed = await readJson('/v1/models');
  if (!Array.isArray(listed?.data) || listed.data.length === 0) {
    throw new BackendError('server');
  }
  const personas = listed.data.map((/** @type {any} */ model) => {
    return {id: String(model.id), name: String(model.name ?? '')};
  });
  return {personas, storesChoices: listed.stores_choices === true};
}

/**
 * Post JSON; throws BackendError('network') without an answer.
 * @param {string} path
 * @param {string} content  JSON
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
export function send(path, content, signal) {
  const headers = {'Content-Type': 'application/json'};
  return asked(() => fetch(path, {method: 'POST', headers, body: content, signal}));
}

/**
 * Return the JSON at a path, null if it is none; throws the BackendError of a refusal.
 * @param {string} path
 * @returns {Promise<any>}
 */
export async function readJson(path) {
  const response = await asked(() => fetch(path, {cache: 'no-store'}));
  if (!response.ok) {
    throw errorOf(response);
  }
  return response.json().catch(() => null);
}

/**
 * @param {() => Promise<Response>} request
 * @returns {Promise<Response>}
 */
async function asked(request) {
  try {
    return await request();
  } catch {
    throw new BackendError('network');
  }
}

/**
 * Return the error of a refused request.
 * @param {Response} response
 * @returns {BackendError}
 */
export function errorOf(response) {
  const {status} = response;
  const seconds = secondsOf(response.headers.get('Retry-After'));
  if (status === 401) {
    return new BackendError('login');
  }
  if (status === 429) {
    return new BackendError('wait', seconds || 10);
  }
  if (status === 503) {
    return new BackendError('busy', seconds);
  }
  if (status >= 500) {
    return new BackendError(status === 504 ? 'slow' : 'server');
  }
  return new BackendError([400, 413, 422].includes(status) ? 'refused' : 'gone');
}

/**
 * @param {string|null} header  seconds or a date
 * @returns {number}
 */
function secondsOf(header) {
  const seconds = header && /^\d+$/.test(header) ? Number(header) : until(header ?? '');
  return Math.min(86400, Math.max(0, seconds));
}

/**
 * @param {string} date
 * @returns {number}
 */
function until(date) {
  return (Date.parse(date) - Date.now()) / 1000 || 0;
}

/**
 * @param {import('./sse.js').StreamLine} line
 * @returns {Generator<ReplyEvent>}
 */
function* eventsOf({kind, text}) {
  if (kind === 'comment') {
    const progress = /^reading (\d+)\/(\d+)$/.exec(text);
    if (progress) {
      yield {kind: 'reading', done: Number(progress[1]), total: Number(progress[2])};
    }
    return;
  }
  const chunk = JSON.parse(text);
  if (chunk.error) {
    const code = STREAM_ERRORS.get(chunk.error.code);
    throw new BackendError(code ?? 'server');
  }
  const choice = chunk.choices?.[0];
  if (choice?.delta?.content) {
    yield {kind: 'text', text: choice.delta.content};
  }
  if (choice?.finish_reason) {
    yield {kind: 'end', reason: choice.finish_reason === 'length' ? 'length' : 'stop'};
  }
}

/**
 * A short number that tells texts apart (FNV-1a); no secret, and nothing to read in it.
 * @param {string} text
 * @returns {string}
 */
export function fingerprint(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
