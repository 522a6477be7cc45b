import type { Bilingual } from '../errors/index.ts';

/** Kinds of value an environment variable may hold. `duration` is in milliseconds, `size` in bytes. */
export type VariableKind = 'text' | 'integer' | 'boolean' | 'url' | 'path' | 'key' | 'choice' | 'cron' | 'zone';

export interface Variable {
  readonly name: string;
  readonly kind: VariableKind;
  /** As it would be written in the environment. Absent: none, and the description says what happens then. */
  readonly fallback?: string;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** May also be given as the name of a file, in `<NAME>_FILE`; never shown anywhere. */
  readonly secret?: boolean;
  /** First release that knows it. */
  readonly since: string;
  readonly group: string;
  readonly text: Bilingual;
}

const since = '0.1.0';

const job = (id: string, name: string, schedule: string, what: Bilingual): readonly Variable[] => [
  {
    name: `ILP_JOB_${id}_SCHEDULE`,
    kind: 'cron',
    fallback: schedule,
    since,
    group: 'Jobs',
    text: { id: `Jadwal cron pekerjaan ${name}: ${what.id}.`, en: `Cron schedule of the job ${name}: ${what.en}.` },
  },
  {
    name: `ILP_JOB_${id}_ZONE`,
    kind: 'zone',
    fallback: 'Asia/Jakarta',
    since,
    group: 'Jobs',
    text: { id: `Zona waktu IANA untuk jadwal ${name}.`, en: `IANA time zone in which the schedule of ${name} is read.` },
  },
  {
    name: `ILP_JOB_${id}_ENABLED`,
    kind: 'boolean',
    fallback: 'true',
    since,
    group: 'Jobs',
    text: { id: `Jalankan ${name} menurut jadwal.`, en: `Run ${name} by its schedule.` },
  },
];

/**
 * Every variable this service reads, once. The parser, `.env.example` and `docs/configuration.md` are made from this table.
 */
export const VARIABLES: readonly Variable[] = [
  {
    name: 'ILP_DATABASE',
    kind: 'text',
    fallback: './data/ilp.sqlite',
    secret: true,
    since,
    group: 'Storage',
    text: {
      id: 'Nama berkas SQLite, atau postgres://pengguna:sandi@host/basis untuk PostgreSQL.',
      en: 'File name of the SQLite database, or postgres://user:password@host/database for PostgreSQL.',
    },
  },
  {
    name: 'ILP_SECRET_KEY',
    kind: 'key',
    secret: true,
    since,
    group: 'Storage',
    text: {
      id: 'Kunci 32 byte (base64 atau hex) yang mengenkripsi kredensial. Wajib untuk PostgreSQL dan production; pada SQLite, bila kosong, dibuat berkas kunci di samping basis data (hanya dapat dibaca pemiliknya).',
      en: 'Key of 32 bytes (base64 or hex) that encrypts credentials. Required for PostgreSQL and for production; on SQLite, when empty, a key file is created next to the database (readable by its owner only).',
    },
  },
  {
    name: 'ILP_SECRET_KEY_PREVIOUS',
    kind: 'key',
    secret: true,
    since,
    group: 'Storage',
    text: {
      id: 'Kunci kredensial sebelumnya, selama kunci diganti (ilp-fhir client rotate): kredensial yang belum dienkripsi ulang tetap terbaca.',
      en: 'The credential key before, while the key is being changed (ilp-fhir client rotate): credentials not encrypted anew yet stay readable.',
    },
  },
  {
    name: 'ILP_ID_KEY',
    kind: 'key',
    secret: true,
    since,
    group: 'Storage',
    text: {
      id: 'Kunci 32 byte (base64 atau hex) asal semua id. Bila kosong dibuat sekali dan disimpan dalam basis data. Bila diisi harus sama dengan yang tersimpan.',
      en: 'Key of 32 bytes (base64 or hex) from which all ids are derived. When empty it is made once and kept in the database. When given it must equal the stored one.',
    },
  },
  {
    name: 'ILP_TERMINOLOGY',
    kind: 'path',
    fallback: './data/terminology',
    since,
    group: 'Storage',
    text: {
      id: 'Folder tabel kode milik kabupaten (ilp-fhir terminology import). Boleh belum ada; beberapa proses memakai folder yang sama.',
      en: 'Folder of the code tables of the district (ilp-fhir terminology import). It need not exist; several processes share one.',
    },
  },
  {
    name: 'ILP_HOST',
    kind: 'text',
    fallback: '127.0.0.1',
    since,
    group: 'HTTP',
    text: { id: 'Alamat tempat layanan mendengarkan.', en: 'Address on which the service listens.' },
  },
  {
    name: 'ILP_PORT',
    kind: 'integer',
    fallback: '8080',
    minimum: 0,
    maximum: 65535,
    since,
    group: 'HTTP',
    text: { id: 'Porta tempat layanan mendengarkan; 0 memilih porta bebas.', en: 'Port on which the service listens; 0 picks a free one.' },
  },
  {
    name: 'ILP_PUBLIC_URL',
    kind: 'url',
    since,
    group: 'HTTP',
    text: {
      id: 'Alamat layanan sebagaimana dilihat pemakai, untuk tautan dalam jawaban FHIR. Bila kosong: alamat tempat layanan mendengarkan.',
      en: 'Address of the service as its users see it, for links in FHIR answers. When empty: the address on which it listens.',
    },
  },
  {
    name: 'ILP_TRUST_PROXY',
    kind: 'integer',
    fallback: '0',
    minimum: 0,
    maximum: 10,
    since,
    group: 'HTTP',
    text: {
      id: 'Jumlah proxy terpercaya di depan layanan (untuk X-Forwarded-For); 0: tidak ada.',
      en: 'Number of trusted proxies in front of the service (for X-Forwarded-For); 0: none.',
    },
  },
  {
    name: 'ILP_LIMIT_JSON_BYTES',
    kind: 'integer',
    fallback: '10485760',
    minimum: 1024,
    maximum: 104857600,
    since,
    group: 'Limits',
    text: {
      id: 'Ukuran terbesar satu isi JSON atau CSV setelah dibuka dari gzip, dalam byte.',
      en: 'Largest JSON or CSV body after gzip is undone, in bytes.',
    },
  },
  {
    name: 'ILP_LIMIT_LINE_BYTES',
    kind: 'integer',
    fallback: '1048576',
    minimum: 1024,
    maximum: 10485760,
    since,
    group: 'Limits',
    text: {
      id: 'Ukuran terbesar satu baris NDJSON, dalam byte; alirannya sendiri tidak dibatasi.',
      en: 'Largest line of an NDJSON stream, in bytes; the stream itself has no limit.',
    },
  },
  {
    name: 'ILP_LIMIT_JSON_DEPTH',
    kind: 'integer',
    fallback: '64',
    minimum: 8,
    maximum: 1000,
    since,
    group: 'Limits',
    text: { id: 'Tingkat bersarang JSON yang terdalam.', en: 'Deepest nesting of JSON.' },
  },
  {
    name: 'ILP_LIMIT_TABLE_ROWS',
    kind: 'integer',
    fallback: '100000',
    minimum: 1000,
    maximum: 500000,
    since,
    group: 'Limits',
    text: {
      id: 'Jumlah baris terbanyak satu tabel di mappings/. Tabel yang lebih besar ditolak saat dimuat.',
      en: 'Most rows of a table in mappings/. A larger one is refused when it is loaded.',
    },
  },
  {
    name: 'ILP_ENVIRONMENT',
    kind: 'choice',
    fallback: 'sandbox',
    choices: ['sandbox', 'staging', 'production'],
    since,
    group: 'Platform',
    text: {
      id: 'Lingkungan SATUSEHAT tujuan. Antrean, kredensial dan id platform terpisah per lingkungan.',
      en: 'SATUSEHAT environment that is served. Queue, credentials and platform ids are separate per environment.',
    },
  },
  {
    name: 'ILP_PLATFORM_AUTH_URL',
    kind: 'url',
    since,
    group: 'Platform',
    text: {
      id: 'Alamat OAuth2 platform. Bila kosong menurut ILP_ENVIRONMENT: simulator di 127.0.0.1:8090, staging, atau produksi SATUSEHAT.',
      en: 'OAuth2 base address of the platform. When empty by ILP_ENVIRONMENT: the simulator on 127.0.0.1:8090, SATUSEHAT staging or production.',
    },
  },
  {
    name: 'ILP_PLATFORM_FHIR_URL',
    kind: 'url',
    since,
    group: 'Platform',
    text: {
      id: 'Alamat dasar FHIR platform. Bila kosong menurut ILP_ENVIRONMENT.',
      en: 'FHIR base address of the platform. When empty by ILP_ENVIRONMENT.',
    },
  },
  {
    name: 'ILP_PLATFORM_TIMEOUT_MS',
    kind: 'integer',
    fallback: '30000',
    minimum: 1000,
    maximum: 600000,
    since,
    group: 'Platform',
    text: {
      id: 'Batas tunggu satu jawaban platform, dalam milidetik. Kiriman dari proses yang mati diambil alih setelah dua kali waktu ini.',
      en: 'How long one answer of the platform is awaited, in milliseconds. What a dead process was sending is taken over after twice this time.',
    },
  },
  {
    name: 'ILP_BACKLOG_LIMIT',
    kind: 'integer',
    fallback: '100000',
    minimum: 0,
    maximum: 1000000000,
    since,
    group: 'Platform',
    text: {
      id: 'Bila lebih banyak kiriman menunggu platform, tanda terima diberikan lebih lambat (paling lama 2 detik tiap 100 data). Tidak ada yang ditolak. 0: tidak pernah.',
      en: 'While more deliveries wait for the platform, receipts are given later (at most 2 seconds for each 100 records). Nothing is refused. 0: never.',
    },
  },
  {
    name: 'ILP_PLATFORM_QUOTA',
    kind: 'integer',
    fallback: '0',
    minimum: 0,
    maximum: 1000000,
    since,
    group: 'Platform',
    text: {
      id: 'Jumlah permintaan yang diizinkan platform bagi setiap klien dalam ILP_PLATFORM_QUOTA_SECONDS. 0: tidak diketahui, dipelajari dari jawaban platform.',
      en: 'Requests that the platform allows each client within ILP_PLATFORM_QUOTA_SECONDS. 0: not known, learnt from the answers of the platform.',
    },
  },
  {
    name: 'ILP_PLATFORM_QUOTA_SECONDS',
    kind: 'integer',
    fallback: '60',
    minimum: 1,
    maximum: 86400,
    since,
    group: 'Platform',
    text: {
      id: 'Rentang waktu ILP_PLATFORM_QUOTA, dalam detik.',
      en: 'Span of time of ILP_PLATFORM_QUOTA, in seconds.',
    },
  },
  {
    name: 'ILP_PLATFORM_SURFACE',
    kind: 'choice',
    fallback: 'recorded',
    choices: ['recorded', 'documented'],
    since,
    group: 'Platform',
    text: {
      id: 'Pencarian platform yang dipercaya saat memeriksa kiriman yang jawabannya hilang: hanya yang terekam pada koleksi resmi, atau juga yang hanya tertulis di dokumentasi.',
      en: 'Searches of the platform that are relied on when a lost answer is looked up: only those recorded in official collections, or those that are merely documented too.',
    },
  },
  {
    name: 'ILP_PLATFORM_READ_LAG',
    kind: 'integer',
    fallback: '0',
    minimum: 0,
    maximum: 3600000,
    since,
    group: 'Platform',
    text: {
      id: 'Selama ini, dalam milidetik, pencarian platform mungkin belum menampilkan yang baru disimpan. Baru sesudahnya sesuatu yang tidak ditemukan dianggap tidak ada.',
      en: 'For so long, in milliseconds, a search of the platform may not show what was just stored. Only after that what is not found is taken as absent.',
    },
  },
  {
    name: 'ILP_PLATFORM_PARTIAL_BUNDLES',
    kind: 'boolean',
    fallback: 'true',
    since,
    group: 'Platform',
    text: {
      id: 'Platform mungkin menyimpan sebagian Bundle walau menjawab galat: sebelum penolakan dianggap final, yang tersimpan diperiksa dahulu.',
      en: 'The platform may store part of a Bundle although it answers with an error: what was stored is looked up before a refusal is final.',
    },
  },
  {
    name: 'ILP_PROXY',
    kind: 'url',
    secret: true,
    since,
    group: 'Platform',
    text: { id: 'Proxy HTTP keluar menuju platform.', en: 'Outbound HTTP proxy towards the platform.' },
  },
  {
    name: 'ILP_CA_FILE',
    kind: 'path',
    since,
    group: 'Platform',
    text: { id: 'Berkas PEM berisi sertifikat CA tambahan yang dipercaya.', en: 'PEM file with additional CA certificates to trust.' },
  },
  {
    name: 'ILP_WORKER_ENABLED',
    kind: 'boolean',
    fallback: 'true',
    since,
    group: 'Worker',
    text: { id: 'Kirim antrean terus-menerus dari proses ini.', en: 'Send the queue continuously from this process.' },
  },
  {
    name: 'ILP_WORKER_CONCURRENCY',
    kind: 'integer',
    fallback: '64',
    minimum: 1,
    maximum: 256,
    since,
    group: 'Worker',
    text: { id: 'Jumlah pengiriman yang berjalan bersamaan.', en: 'Number of deliveries in flight at a time.' },
  },
  ...job('SYNC_SEND', 'sync-send', '*/15 * * * *', {
    id: 'mengosongkan antrean kirim dalam jam yang diizinkan',
    en: 'drains the queue within the allowed hours',
  }),
  ...job('SYNC_IDENTITY', 'sync-identity', '0 3 * * *', {
    id: 'mencari nomor IHS sebelum hari posyandu',
    en: 'resolves IHS numbers ahead of a posyandu day',
  }),
  ...job('ALERT_WAITING', 'alert-waiting', '*/10 * * * *', {
    id: 'memberi tahu bila data terlalu lama menunggu',
    en: 'tells when something has waited too long',
  }),
  {
    name: 'ILP_ALERT_AFTER_HOURS',
    kind: 'integer',
    fallback: '24',
    minimum: 1,
    maximum: 8760,
    since,
    group: 'Operations',
    text: {
      id: 'Pemberitahuan dikirim bila data tertua sudah menunggu kirim atau ditahan selama ini, dalam jam.',
      en: 'An alert is sent when the oldest record that waits or is on hold has waited so long, in hours.',
    },
  },
  {
    name: 'ILP_ALERT_WEBHOOK_URL',
    kind: 'url',
    secret: true,
    since,
    group: 'Operations',
    text: {
      id: 'Alamat https:// penerima pemberitahuan (JSON: jumlah, umur dan sebab; tanpa data pasien). Bila kosong tidak ada yang dikirim.',
      en: 'Address (https://) that alerts are posted to (JSON: counts, ages and causes; nothing of a patient). When empty none is sent.',
    },
  },
  {
    name: 'ILP_ALERT_WEBHOOK_SECRET',
    kind: 'text',
    secret: true,
    since,
    group: 'Operations',
    text: {
      id: 'Rahasia bersama penerima: pemberitahuan ditandatangani HMAC-SHA256 dalam x-ilp-signature.',
      en: 'Secret shared with the receiver: alerts are signed by HMAC-SHA256 in x-ilp-signature.',
    },
  },
  {
    name: 'ILP_ALERT_MAIL_HOST',
    kind: 'text',
    since,
    group: 'Operations',
    text: {
      id: 'Peladen SMTP yang mengirim surel: pengiriman yang berhenti (jumlah, umur, sebab, kode puskesmas; tanpa data pasien), jeda, dan yang terlalu lama menunggu. Bila kosong tidak ada surel.',
      en: 'SMTP server that sends mail: deliveries that stopped (counts, ages, causes, codes of puskesmas; nothing of a patient), pauses, and what has waited too long. When empty none is sent.',
    },
  },
  {
    name: 'ILP_ALERT_MAIL_PORT',
    kind: 'integer',
    fallback: '587',
    minimum: 1,
    maximum: 65535,
    since,
    group: 'Operations',
    text: { id: 'Porta peladen SMTP.', en: 'Port of the SMTP server.' },
  },
  {
    name: 'ILP_ALERT_MAIL_TLS',
    kind: 'choice',
    fallback: 'starttls',
    choices: ['starttls', 'tls', 'none'],
    since,
    group: 'Operations',
    text: {
      id: 'Enkripsi menuju peladen SMTP: starttls (587), tls sejak awal (465), atau none, hanya untuk peladen di mesin ini.',
      en: 'Encryption towards the SMTP server: starttls (587), tls from the start (465), or none, for a server on this machine only.',
    },
  },
  {
    name: 'ILP_ALERT_MAIL_USER',
    kind: 'text',
    since,
    group: 'Operations',
    text: {
      id: 'Nama pengguna pada peladen SMTP. Bila kosong tanpa masuk.',
      en: 'User name at the SMTP server. When empty none is given.',
    },
  },
  {
    name: 'ILP_ALERT_MAIL_PASSWORD',
    kind: 'text',
    secret: true,
    since,
    group: 'Operations',
    text: { id: 'Kata sandi pengguna itu.', en: 'Password of that user.' },
  },
  {
    name: 'ILP_ALERT_MAIL_FROM',
    kind: 'text',
    since,
    group: 'Operations',
    text: { id: 'Alamat surel pengirim.', en: 'Mail address of the sender.' },
  },
  {
    name: 'ILP_ALERT_MAIL_TO',
    kind: 'text',
    since,
    group: 'Operations',
    text: { id: 'Alamat surel penerima, dipisah koma.', en: 'Mail addresses of the receivers, comma list.' },
  },
  ...job('RECONCILE', 'reconcile', '30 2 * * 0', {
    id: 'mencocokkan contoh dari yang terkirim dengan isi platform',
    en: 'compares a sample of what was delivered with what the platform holds',
  }),
  {
    name: 'ILP_LOG_LEVEL',
    kind: 'choice',
    fallback: 'info',
    choices: ['silent', 'error', 'warn', 'info', 'debug'],
    since,
    group: 'Operations',
    text: { id: 'Banyaknya catatan log.', en: 'How much is logged.' },
  },
];

/** Read by single commands of the command line, never by the service; known, so that a shell that has them set can start it. */
export const COMMAND_NAMES: readonly string[] = ['ILP_API_KEY', 'ILP_CLIENT_SECRET', 'ILP_DEBUG', 'ILP_DEMO_DATABASE'];
