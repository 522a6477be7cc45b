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
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
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
    maxRedirects: 0,
    maxContentLength: 64 * 1024 * 1024,
    maxBodyLength: Number.POSITIVE_INFINITY,
    responseType: 'text',
    // Bodies are texts already; axios would parse each to see whether it is JSON.
    transformRequest: [(data: unknown) => data],
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
  });
  return {
    async request({ method, url, headers, body }) {
      // One timer for the whole request, gone with it: those of AbortSignal.timeout stay for half a minute each.
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), options.timeoutMs);
      try {
        const answer = await client.request<unknown>({
          method,
          url,
          headers: { ...headers },
          signal: late.signal,
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
        return { kind: 'broken', sent: networkFault(error).sent };
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

export interface NetworkRow {
  readonly name: string;
  readonly code?: RegExp;
  readonly syscall?: readonly string[];
  /** False only where it is certain that nothing of the request reached the other side. */
  readonly sent: boolean;
}

/** THE table of network failures: the first row that fits counts, the last fits everything. */
export const NETWORK_FAULTS: readonly NetworkRow[] = [
  { name: 'nobody-listens', code: /^(ECONNREFUSED)$/, sent: false },
  { name: 'name-unknown', code: /^(ENOTFOUND|EAI_AGAIN)$/, sent: false },
  { name: 'no-route', code: /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN)$/, sent: false },
  { name: 'certificate', code: /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/, sent: false },
  // What the first bytes of the other side say, before a request could be written.
  { name: 'no-tls', code: /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, sent: false },
  { name: 'connecting', syscall: ['connect', 'getaddrinfo'], sent: false },
  { name: 'broken', sent: true },
];

/** The row of a failure. With several addresses Node reports the attempts together; it counts what the worst of them says. */
export function networkFault(error: { code?: string | undefined; cause?: unknown }): NetworkRow {
  const cause = error.cause as { code?: string; syscall?: string } | undefined;
  if (error.cause instanceof AggregateError) {
    const rows = error.cause.errors.map((each: { code?: string }) => networkFault({ code: each.code, cause: each }));
    return rows.find(({ sent }) => sent) ?? (rows[0] as NetworkRow);
  }
  const code = error.code ?? cause?.code ?? '';
  const fits = (row: NetworkRow): boolean =>
    (row.code === undefined || row.code.test(code)) && (row.syscall === undefined || row.syscall.includes(cause?.syscall ?? ''));
  return NETWORK_FAULTS.find(fits) as NetworkRow;
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
