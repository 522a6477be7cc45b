import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { CONTROL_PATH, type ControlReply } from './control.ts';
import { internalError, issues, processorOutcome, type Reply, wrongUrl } from './errors.ts';
import type { Fault } from './faults.ts';
import { sortKeys } from './json.ts';
import { type Exchange, FHIR_PATH, type Incoming } from './pipeline.ts';

export interface Listening {
  bodyLimit(): number;
  control(incoming: Incoming): ControlReply;
  fault(incoming: Incoming): Fault | undefined;
  answer(exchange: Exchange): Reply;
  /** @param reply undefined when the connection was cut; @param failure of the simulator itself */
  arrived(exchange: Exchange, reply: Reply | undefined, failure?: string): void;
  latencyMs(): number;
}

/** HTTP around the platform: reads requests, lets faults hit the connection, writes answers. */
export function createListener(listening: Listening) {
  const timers = new Set<NodeJS.Timeout>();
  const later = (delayMs: number, work: () => void): void => {
    if (delayMs <= 0) {
      work();
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, delayMs);
    timers.add(timer);
  };

  const respond = (request: IncomingMessage, response: ServerResponse, payload: Buffer, isTooLarge: boolean): void => {
    const incoming = read(request, payload);
    if (incoming === undefined) {
      send(response, wrongUrl());
      return;
    }
    if (incoming.path === CONTROL_PATH || incoming.path.startsWith(`${CONTROL_PATH}/`)) {
      sendPieces(response, guarded(() => listening.control(incoming)).reply);
      return;
    }
    const fault = listening.fault(incoming);
    const exchange: Exchange = { request: incoming, fault };
    const drop = (): void => {
      listening.arrived(exchange, undefined);
      request.socket.destroy();
    };
    if (fault?.action === 'drop-before') {
      drop();
      return;
    }
    later(fault?.action === 'delay' ? (fault.delayMs ?? 0) : 0, () => {
      const { reply, failure } = isTooLarge
        ? { reply: processorOutcome([issues.unreadable()], 413), failure: undefined }
        : guarded(() => listening.answer(exchange));
      if (fault?.action === 'drop-after') {
        drop();
        return;
      }
      listening.arrived(exchange, reply, failure);
      later(listening.latencyMs() + (fault?.action === 'late' ? (fault.delayMs ?? 0) : 0), () =>
        send(response, reply, fault?.action === 'truncate'),
      );
    });
  };

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    let size = 0;
    const limit = listening.bodyLimit();
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      // Nobody is obliged to read on for ever.
      else if (size > 8 * limit) request.socket.destroy();
    });
    // A client that leaves in the middle of its request gets nothing, and nothing is handled.
    request.on('error', () => {});
    request.on('end', () => respond(request, response, chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), size > limit));
  };

  return {
    handle,
    stop: (): void => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** A mistake of this simulator is a 500, as it would be there. */
function guarded<R extends Reply>(work: () => R): { readonly reply: R | Reply; readonly failure: string | undefined } {
  try {
    return { reply: work(), failure: undefined };
  } catch (error) {
    return { reply: internalError(), failure: error instanceof Error ? `${error.name} ${error.message}` : 'unknown' };
  }
}

function read(request: IncomingMessage, payload: Buffer): Incoming | undefined {
  let target = request.url ?? '/';
  if (!target.startsWith('/')) {
    // Through a proxy the whole URL is sent.
    const url = URL.parse(target);
    if (url === null) return undefined;
    target = `${url.pathname}${url.search}`;
  }
  const question = target.indexOf('?');
  const at = question < 0 ? target : target.slice(0, question);
  // The Host header is written back into links, so only a plausible one is taken.
  const host = /^[\w.:[\]-]+$/.test(request.headers.host ?? '') ? request.headers.host : 'sandbox';
  return {
    method: request.method ?? '',
    path: at.length > 1 && at.endsWith('/') ? at.slice(0, -1) : at,
    query: new URLSearchParams(question < 0 ? '' : target.slice(question + 1)),
    payload,
    headers: request.headers,
    base: `http://${host}${FHIR_PATH}`,
  };
}

function writeHead(response: ServerResponse, reply: Reply, length?: number): void {
  response.writeHead(reply.status, {
    'x-request-id': randomUUID(),
    vary: 'Origin,X-Origin,Referer',
    via: '1.1 google',
    ...(reply.body !== undefined && { 'content-type': reply.contentType ?? 'application/json' }),
    ...(length !== undefined && { 'content-length': length }),
    ...reply.headers,
  });
}

function send(response: ServerResponse, reply: Reply, isTruncated = false): void {
  if (response.destroyed) return;
  const { body } = reply;
  // A text is sent in one piece with the head; bytes would be a second.
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(sortKeys(body));
  if (isTruncated && text === '') {
    response.destroy();
    return;
  }
  const hasNoBody = reply.status === 204;
  writeHead(response, reply, hasNoBody ? undefined : Buffer.byteLength(text));
  if (!isTruncated) response.end(hasNoBody ? undefined : text);
  else response.write(Buffer.from(text).subarray(0, Math.floor(text.length / 2)), () => response.destroy());
}

function sendPieces(response: ServerResponse, reply: ControlReply): void {
  if (reply.pieces === undefined) {
    send(response, reply);
    return;
  }
  writeHead(response, { ...reply, body: '' });
  Readable.from(joined(reply.pieces))
    .on('error', () => response.destroy())
    .pipe(response);
}

const PIECE = 256 * 1024;

function* joined(pieces: Iterable<string>): Generator<Buffer> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}
