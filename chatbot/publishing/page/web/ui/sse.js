// Bytes of a server-sent event stream -> its comments and data lines.

/** @typedef {{kind: 'comment'|'data', text: string}} StreamLine */

/**
 * Yield every comment and the data of every event, in order; events here have one data line.
 * @param {AsyncIterable<Uint8Array>} bytes
 * @returns {AsyncGenerator<StreamLine>}
 */
export async function* streamLines(bytes) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, {stream: true})).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    yield* lines.flatMap(parseLine);
  }
  yield* parseLine(rest.replace(/\r$/, ''));
}

/**
 * @param {string} line
 * @returns {StreamLine[]}
 */
function parseLine(line) {
  if (line.startsWith(':')) {
    return [{kind: 'comment', text: line.slice(1).trim()}];
  }
  if (line.startsWith('data:')) {
    return [{kind: 'data', text: line.slice(5).replace(/^ /, '')}];
  }
  return [];
}

/**
 * Read a body by its reader: not every browser iterates over a ReadableStream.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* chunksOf(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
