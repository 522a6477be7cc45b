import type { Arrival } from './arrivals.ts';
import type { Overview } from './control.ts';

/** Text as it may stand in an element or in a quoted attribute. */
const escaped = (value: unknown): string => String(value ?? '').replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:75rem;padding:0 1rem;color:#1a1a1a}
table{border-collapse:collapse;margin:.5rem 0 1.5rem;display:block;overflow-x:auto}
th,td{border-bottom:1px solid #ddd;padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.en{color:#666;font-weight:normal}.bad{color:#a40000}code{font-size:.9em}`;

/** Indonesian first, English beside it. */
const both = (id: string, en: string): string => `${id} <span class="en">/ ${en}</span>`;

const page = (title: string, content: string): string =>
  `<!doctype html><html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">` +
  `<title>${title}</title><style>${STYLE}</style></head><body><h1>${title}</h1>${content}</body></html>`;

type Cell = { readonly html: string } | string | number | null | undefined;

function table(head: readonly string[], rows: ReadonlyArray<readonly Cell[]>): string {
  if (rows.length === 0) return `<p>${both('Belum ada.', 'Nothing yet.')}</p>`;
  const cell = (value: Cell): string => {
    if (typeof value === 'number') return `<td class="n">${value}</td>`;
    return `<td>${typeof value === 'object' && value !== null ? value.html : escaped(value)}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('');
  return `<table><thead><tr>${head.map((name) => `<th>${name}</th>`).join('')}</tr></thead><tbody>${body}</tbody></table>`;
}

const section = (id: string, en: string, content: string): string => `<h2>${both(id, en)}</h2>${content}`;

const LAYERS: Readonly<Record<string, string>> = {
  edge: both('tepi', 'edge'),
  gateway: both('gerbang', 'gateway'),
  token: both('token', 'token'),
  processor: both('pemeriksa FHIR', 'FHIR processor'),
  store: both('penyimpanan', 'FHIR store'),
  consent: both('persetujuan pasien', 'consent'),
};

const layerName = (layer: string | undefined): Cell => ({ html: layer === undefined ? '' : (LAYERS[layer] ?? escaped(layer)) });

function arrivalsTable(arrivals: readonly Arrival[]): string {
  return table(
    [
      '#',
      both('waktu', 'time'),
      both('klien', 'client'),
      both('permintaan', 'request'),
      'status',
      both('lapis', 'layer'),
      both('sebab', 'why'),
    ],
    arrivals.map((arrival) => [
      arrival.number,
      arrival.at,
      arrival.client,
      { html: `<code>${escaped(arrival.method)} ${escaped(arrival.path)}</code>` },
      {
        html: `<span class="${arrival.layer === undefined && arrival.status !== 'dropped' ? '' : 'bad'}">${escaped(arrival.status)}</span>`,
      },
      layerName(arrival.layer),
      [arrival.why, arrival.fault && `[${arrival.fault}]`].filter(Boolean).join(' '),
    ]),
  );
}

/** `GET /_sandbox/` */
export function startPage({ now, resources, requests, refusals, clients, settings, last }: Overview): string {
  const links = [
    ['requests?format=html&amp;refused', both('yang ditolak', 'what was refused')],
    ['requests', both('permintaan (JSON)', 'requests (JSON)')],
    ['overview', both('halaman ini (JSON)', 'this page (JSON)')],
    ['dump', both('semua isi (NDJSON)', 'everything stored (NDJSON)')],
    ['settings', both('setelan', 'settings')],
  ];
  return page(
    'Simulator SATUSEHAT',
    [
      `<p>${both('Bukan SATUSEHAT yang sebenarnya: jangan kirim data pasien ke sini.', 'Not the real SATUSEHAT: send no patient data here.')}</p>`,
      `<p>${both('Jam simulator', 'Its clock')}: ${escaped(now)} · ${links.map(([href, name]) => `<a href="/_sandbox/${href}">${name}</a>`).join(' · ')}</p>`,
      section('Permintaan terakhir', 'Last requests', arrivalsTable(last)),
      section(
        'Mengapa ditolak',
        'Why refused',
        table(
          [both('lapis', 'layer'), both('aturan', 'rule'), 'status', both('jumlah', 'count')],
          refusals.map(({ layer, rule, status, count }) => [layerName(layer), rule === undefined ? '' : String(rule), status, count]),
        ),
      ),
      section('Isi penyimpanan', 'What is stored', table([both('jenis', 'type'), both('jumlah', 'count')], Object.entries(resources))),
      section(
        'Jawaban',
        'Answers',
        table(
          [both('permintaan', 'request'), 'status', both('jumlah', 'count')],
          Object.entries(requests.byRoute).flatMap(([route, statuses]) =>
            Object.entries(statuses).map(([status, count]) => [route, status, count] as const),
          ),
        ),
      ),
      section(
        'Klien',
        'Clients',
        table(
          [
            'client id',
            'Organization',
            both('kuota', 'quota'),
            both('boleh', 'allowed'),
            both('diterima', 'accepted'),
            both('ditolak', 'refused'),
          ],
          clients.map(({ clientId, organizationId, revoked, quota, requests: counted }) => [
            `${clientId}${revoked ? ' (dicabut / revoked)' : ''}`,
            organizationId,
            quota === null ? '–' : `${quota.requests} / ${quota.perMs} ms`,
            counted.allowed,
            counted.accepted,
            counted.refused,
          ]),
        ),
      ),
      section('Setelan', 'Settings', `<pre>${escaped(JSON.stringify(settings, undefined, 2))}</pre>`),
    ].join('\n'),
  );
}

/** `GET /_sandbox/requests?format=html` */
export const arrivalsPage = (arrivals: readonly Arrival[]): string =>
  page('Permintaan / Requests', `<p><a href="/_sandbox/">Simulator SATUSEHAT</a></p>${arrivalsTable(arrivals)}`);
