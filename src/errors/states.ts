/**
 * State of a submission and of a delivery: FHIR `Task.status` codes (https://hl7.org/fhir/R4/valueset-task-status.html).
 * All finer meaning is in the reason, never in a new state.
 */
export const STATES = ['ready', 'in-progress', 'completed', 'on-hold', 'failed', 'cancelled'] as const;
export type State = (typeof STATES)[number];

/**
 * Why something is in its state. A platform rule is `rule-NNNNN`; every other reason has a row here.
 */
export const REASONS = {
  refused: {
    states: ['failed'],
    id: 'Ditolak saat diterima; perbaiki lalu kirim versi baru',
    en: 'Refused on receipt; mend it and send a new version',
  },
  duplicate: { states: ['cancelled'], id: 'Sama dengan data lain yang sudah diterima', en: 'Equal to another record already received' },
  superseded: { states: ['cancelled'], id: 'Versi lebih baru sudah ada', en: 'A newer version exists' },
  withdrawn: { states: ['completed', 'cancelled'], id: 'Ditarik oleh pengirim', en: 'Withdrawn by the sender' },
  dismissed: {
    states: ['cancelled'],
    id: 'Dibatalkan petugas; tidak dikirim',
    en: 'Cancelled by a person; it is not sent',
  },
  'kept-local': {
    states: ['completed'],
    id: 'Disimpan di kabupaten, menurut kebijakan tidak dikirim',
    en: 'Kept in the district; by policy it is not sent',
  },
  registered: { states: ['completed'], id: 'Terdaftar', en: 'Registered' },
  'validation-pending': { states: ['on-hold'], id: 'Menunggu pengesahan tenaga kesehatan', en: "Waiting for a health worker's validation" },
  'unmapped-code': { states: ['on-hold'], id: 'Kode belum dipetakan', en: 'A code is not mapped yet' },
  'reason-code-missing': { states: ['on-hold'], id: 'Belum ada kode alasan kunjungan', en: 'No reason code for the visit yet' },
  'time-missing': { states: ['on-hold'], id: 'Jam pelayanan tidak ada', en: 'The time of day is missing' },
  identity: { states: ['on-hold'], id: 'Nomor IHS pasien belum ditemukan', en: "The patient's IHS number was not found" },
  'practitioner-identity': {
    states: ['on-hold'],
    id: 'Nomor tenaga kesehatan belum ditemukan',
    en: "The practitioner's number was not found",
  },
  'credential-missing': { states: ['on-hold'], id: 'Belum ada kredensial SATUSEHAT', en: 'No SATUSEHAT credential yet' },
  conflict: {
    states: ['on-hold'],
    id: 'Bertentangan dengan data lain; perlu diputuskan orang',
    en: 'Contradicts other data; a person decides',
  },
  dependency: { states: ['on-hold', 'ready'], id: 'Menunggu data lain terkirim', en: 'Waits for other data to be delivered' },
  'outcome-unknown': {
    states: ['ready', 'in-progress', 'on-hold'],
    id: 'Jawaban hilang; diperiksa dahulu',
    en: 'The answer was lost; looked up first',
  },
  'platform-unavailable': { states: ['ready', 'on-hold'], id: 'SATUSEHAT tidak dapat dihubungi', en: 'SATUSEHAT cannot be reached' },
  'platform-auth': { states: ['ready', 'on-hold'], id: 'Kredensial ditolak SATUSEHAT', en: 'SATUSEHAT refused the credentials' },
  'platform-refused': { states: ['failed'], id: 'Ditolak SATUSEHAT', en: 'Refused by SATUSEHAT' },
  'rate-limited': { states: ['ready'], id: 'Menunggu giliran kirim', en: 'Waiting for the allowed rate' },
} as const satisfies Record<string, { states: readonly State[]; id: string; en: string }>;

export type Reason = keyof typeof REASONS | `rule-${number}`;
