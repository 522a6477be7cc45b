import http from 'node:http';
import https from 'node:https';
import axios, { isAxiosError } from 'axios';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { WireResponse } from './errors.ts';

export interface TransportOptions {
  /** Whole request, from connecting to the last byte; also the longest silence. */
  readonly timeoutMs: number;
  /** Sockets kept per host; at least as many as requests run in parallel. */
  readonly maxSockets: number;
  /** `http://proxy:3128` */
  readonly proxy?: string;
  /** PEM of certificate authorities trusted beside (in place of) the built-in ones. */
  readonly ca?: string;
}

export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `sent: false` only where it is certain that nothing reached the other side. */
export type WireAnswer =
  | { readonly kind: 'response'; readonly response: WireResponse }
  | { readonly kind: 'broken'; readonly sent: boolean };

export interface Transport {
  request(request: WireRequest): Promise<WireAnswer>;
  /** Closes idle connections. */
  close(): void;
}

/**
 * The one place that knows axios. No AxiosError leaves it: it carries headers and bodies, so tokens and patients.
 */
export function createTransport(options: TransportOptions): Transport {
  const sockets = { keepAlive: true, maxSockets: options.maxSockets, maxFreeSockets: options.maxSockets };
  const tls = options.ca === undefined ? {} : { ca: options.ca };
  const proxied = options.proxy === undefined ? undefined : new HttpsProxyAgent(options.proxy, { ...sockets, ...tls });
  const httpAgent = proxied ?? new http.Agent(sockets);
  const httpsAgent = proxied ?? new https.Agent({ ...sockets, ...tls });
  const client = axios.create({
    httpAgent,
    httpsAgent,
    proxy: false,
    timeout: options.timeoutMs,
    maxRedirects: 0,
    maxContentLength: 64 * 1024 * 1024,
    maxBodyLength: Number.POSITIVE_INFINITY,
    responseType: 'text',
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
  });
  return {
    async request({ method, url, headers, body }) {
      try {
        const answer = await client.request<unknown>({
          method,
          url,
          headers: { ...headers },
          signal: AbortSignal.timeout(options.timeoutMs),
          ...(body !== undefined && { data: body }),
        });
        return {
          kind: 'response',
          response: {
            status: answer.status,
            headers: plainHeaders(answer.headers),
            text: typeof answer.data === 'string' ? answer.data : '',
          },
        };
      } catch (error) {
        if (!isAxiosError(error)) {
          throw error;
        }
        return { kind: 'broken', sent: !neverConnected(error) };
      }
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN']);

function neverConnected(error: { code?: string | undefined; cause?: unknown }): boolean {
  const cause = error.cause as { code?: string; syscall?: string } | undefined;
  const code = error.code ?? cause?.code ?? '';
  // With several addresses Node reports the attempts together; none of them connected.
  if (error.cause instanceof AggregateError) {
    return error.cause.errors.every((each: { code?: string }) => NOT_CONNECTED.has(each.code ?? ''));
  }
  return (
    NOT_CONNECTED.has(code) ||
    cause?.syscall === 'connect' ||
    cause?.syscall === 'getaddrinfo' ||
    /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code)
  );
}

function plainHeaders(headers: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    if (typeof value === 'string') {
      out[name.toLowerCase()] = value;
    }
  }
  return out;
}
