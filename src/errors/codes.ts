import type { Issue } from './issue.ts';

/**
 * The closed set of categories. Each row of the catalogue has one; it decides how the fault is logged and whether a
 * repetition can help.
 */
export type Category = 'request' | 'security' | 'record' | 'platform' | 'configuration' | 'internal';

export interface CodeRow {
  readonly category: Category;
  /** HTTP status when the whole request fails with it. */
  readonly status: number;
  /** FHIR IssueType (https://hl7.org/fhir/R4/valueset-issue-type.html). */
  readonly fhir: string;
  readonly severity?: Issue['severity'];
  /** Text with placeholders `{name}`: what is wrong, and what to do. Indonesian. */
  readonly id: string;
  readonly en: string;
}

const row = (category: Category, status: number, fhir: string, id: string, en: string, severity?: Issue['severity']): CodeRow => ({
  category,
  status,
  fhir,
  id,
  en,
  ...(severity && { severity }),
});

/**
 * Every code this service can answer with. A code is a promise to integrators: rename none, add freely.
 * `docs/errors.md` is generated from this table.
 */
export const CODES = {
  // The request itself: nothing of it is stored but an audit row.
  'json-syntax': row(
    'request',
    400,
    'structure',
    'Isi permintaan bukan JSON yang benar (baris {line}). Perbaiki lalu kirim ulang.',
    'The body is not valid JSON (line {line}). Mend it and send again.',
  ),
  'json-depth': row(
    'request',
    400,
    'too-costly',
    'JSON bersarang lebih dari {max} tingkat. Ratakan strukturnya.',
    'JSON is nested deeper than {max} levels. Flatten it.',
  ),
  encoding: row(
    'request',
    400,
    'structure',
    'Isi memuat byte yang bukan UTF-8, atau gzip-nya rusak. Simpan ulang sebagai UTF-8 lalu kirim lagi.',
    'The content has bytes that are not UTF-8, or its gzip is broken. Save it as UTF-8 and send it again.',
  ),
  'body-size': row(
    'request',
    413,
    'too-long',
    'Isi lebih besar dari {max}. Kirim dalam beberapa bagian, atau sebagai NDJSON.',
    'The body is larger than {max}. Send it in parts, or as NDJSON.',
  ),
  'line-size': row('request', 413, 'too-long', 'Baris lebih besar dari {max}.', 'A line is larger than {max}.'),
  'content-type': row(
    'request',
    415,
    'not-supported',
    'Content-Type tidak dikenal di sini. Pakai salah satu: {allowed}.',
    'This Content-Type is not known here. Use one of: {allowed}.',
  ),
  'not-found': row('request', 404, 'not-found', 'Tidak ditemukan.', 'Not found.'),
  method: row('request', 405, 'not-supported', 'Metode tidak didukung pada alamat ini.', 'This method is not supported here.'),
  parameter: row('request', 400, 'invalid', 'Parameter {name} tidak benar: {expected}.', 'Parameter {name} is wrong: {expected}.'),
  'search-parameter': row(
    'request',
    400,
    'not-supported',
    'Parameter pencarian {name} tidak didukung untuk {type}. Yang didukung: {allowed}.',
    'Search parameter {name} is not supported for {type}. Supported: {allowed}.',
  ),
  'not-acceptable': row(
    'request',
    406,
    'not-supported',
    'Hanya application/fhir+json yang dihasilkan di sini.',
    'Only application/fhir+json is produced here.',
  ),
  usage: row('request', 400, 'invalid', 'Perintah tidak benar: {detail}.', 'Wrong usage: {detail}.'),
  'empty-body': row('request', 400, 'required', 'Tidak ada satu pun data dalam permintaan.', 'The request holds no record.'),
  conflict: row(
    'request',
    409,
    'conflict',
    'Data sedang diubah oleh permintaan lain. Ulangi.',
    'The data is being changed by another request. Repeat it.',
  ),
  busy: row('request', 503, 'transient', 'Layanan sedang sibuk. Coba lagi sebentar lagi.', 'The service is busy. Try again shortly.'),

  // Who is asking
  unauthenticated: row('security', 401, 'login', 'Kunci API tidak ada atau tidak dikenal.', 'The API key is missing or unknown.'),
  'forbidden-scope': row(
    'security',
    403,
    'forbidden',
    'Kunci ini tidak memiliki izin {scope}.',
    'This key does not have the scope {scope}.',
  ),
  'forbidden-source-system': row(
    'security',
    403,
    'forbidden',
    'Kunci ini tidak boleh menulis untuk sistem sumber tersebut.',
    'This key may not write for that source system.',
  ),
  'forbidden-facility': row(
    'security',
    403,
    'forbidden',
    'Kunci ini tidak boleh menulis atau membaca fasilitas tersebut.',
    'This key may not write or read that facility.',
  ),

  // The record: stored as refused, so that it can be mended and replayed.
  'field-required': row('record', 422, 'required', 'Isian {field} wajib ada.', 'Field {field} is required.'),
  'field-type': row('record', 422, 'value', 'Isian {field} harus berupa {expected}.', 'Field {field} must be {expected}.'),
  'field-value': row(
    'record',
    422,
    'value',
    'Isian {field} tidak termasuk nilai yang diperbolehkan: {allowed}.',
    'Field {field} is not one of the allowed values: {allowed}.',
  ),
  'field-format': row(
    'record',
    422,
    'value',
    'Isian {field} tidak sesuai bentuk: {expected}.',
    'Field {field} does not have the form: {expected}.',
  ),
  'field-range': row(
    'record',
    422,
    'value',
    'Isian {field} di luar batas {min}–{max} {unit}. Periksa nilai dan satuannya.',
    'Field {field} is outside {min}–{max} {unit}. Check value and unit.',
  ),
  'field-unknown': row(
    'record',
    422,
    'structure',
    'Isian {field} tidak dikenal dan tidak dipakai. Mungkin maksudnya {nearest}.',
    'Field {field} is unknown and was not used. Did you mean {nearest}?',
    'warning',
  ),
  'field-unused': row(
    'record',
    422,
    'informational',
    'Isian {field} tidak dipakai oleh pemetaan.',
    'Field {field} is not used by the mapping.',
    'information',
  ),
  'date-ambiguous': row(
    'record',
    422,
    'value',
    'Tanggal pada {field} bisa dibaca dua cara; dibaca sebagai hari-bulan-tahun.',
    'The date in {field} can be read in two ways; read as day-month-year.',
    'warning',
  ),
  'date-year': row('record', 422, 'value', 'Tahun pada {field} harus empat angka.', 'The year in {field} must have four digits.'),
  'nik-length': row('record', 422, 'value', 'NIK pada {field} harus tepat 16 angka.', 'The NIK in {field} must have exactly 16 digits.'),
  'nik-scientific': row(
    'record',
    422,
    'value',
    'NIK pada {field} rusak oleh Excel (bentuk 3,3E+15). Format kolom sebagai teks lalu isi ulang.',
    'The NIK in {field} was damaged by Excel (form 3.3E+15). Format the column as text and enter it again.',
  ),
  'nik-implausible': row(
    'record',
    422,
    'value',
    'NIK pada {field} tidak cocok dengan tanggal lahir atau jenis kelamin. Periksa kembali.',
    'The NIK in {field} does not fit birth date or sex. Check it.',
    'warning',
  ),
  'facility-unknown': row(
    'record',
    422,
    'not-found',
    'Fasilitas pada {field} belum terdaftar. Kirim dahulu lewat /api/v1/facilities.',
    'The facility in {field} is not registered. Send it through /api/v1/facilities first.',
  ),
  'person-missing': row(
    'record',
    422,
    'required',
    'Data orang tidak ada. Isi person dengan sourceId, nik, atau data lengkap.',
    'The person is missing. Give person by sourceId, nik or in full.',
  ),
  'person-unknown': row(
    'record',
    422,
    'not-found',
    'Orang pada {field} belum terdaftar. Kirim dahulu lewat /api/v1/persons.',
    'The person in {field} is not registered. Send it through /api/v1/persons first.',
  ),
  'practitioner-unknown': row(
    'record',
    422,
    'not-found',
    'Tenaga kesehatan pada {field} belum terdaftar. Kirim dahulu lewat /api/v1/practitioners.',
    'The practitioner in {field} is not registered. Send it through /api/v1/practitioners first.',
  ),
  'date-future': row('record', 422, 'value', 'Waktu pada {field} ada di masa depan.', 'The time in {field} is in the future.'),
  'date-too-old': row(
    'record',
    422,
    'value',
    'Waktu pada {field} sebelum {min}; platform menolaknya.',
    'The time in {field} is before {min}; the platform refuses it.',
  ),
  'period-order': row(
    'record',
    422,
    'value',
    'Waktu selesai pada {field} mendahului waktu mulai.',
    'The end in {field} is before the start.',
  ),
  'before-birth': row(
    'record',
    422,
    'value',
    'Waktu pada {field} sebelum tanggal lahir pasien. Periksa tanggal pelayanan dan tanggal lahir.',
    'The time in {field} is before the birth date of the patient. Check the date of service and the birth date.',
  ),
  'session-day': row(
    'record',
    422,
    'value',
    'Waktu pada {field} bukan pada hari pelayanan (date). Isi jamnya saja, atau tanggal yang sama.',
    'The time in {field} is not on the day of service (date). Give the time of day only, or the same date.',
  ),
  'code-unknown': row(
    'record',
    422,
    'code-invalid',
    'Kode pada {field} tidak ada dalam {system}.',
    'The code in {field} does not exist in {system}.',
  ),
  'cluster-unknown': row(
    'record',
    422,
    'code-invalid',
    'Klaster pada {field} tidak dikenal. Pakai K2 atau K3; layanan: K2, K3, K4, LK.',
    'The cluster in {field} is unknown. Use K2 or K3; services: K2, K3, K4, LK.',
  ),
  'cluster-not-a-visit': row(
    'record',
    422,
    'business-rule',
    'Klaster {cluster} tidak dapat menjadi klaster kunjungan. Saran menurut siklus hidup: {suggested}.',
    'Cluster {cluster} cannot be the cluster of a visit. Suggested by life stage: {suggested}.',
  ),
  'form-unknown': row(
    'record',
    422,
    'code-invalid',
    'Formulir layanan pada {field} tidak dikenal.',
    'The service form in {field} is unknown.',
  ),
  'unmapped-code': row(
    'record',
    422,
    'code-invalid',
    'Kode pada {field} belum dipetakan dalam {map}. Tambahkan barisnya pada tabel pemetaan.',
    'The code in {field} is not mapped in {map}. Add a row to the mapping table.',
  ),
  'map-check': row(
    'record',
    422,
    'business-rule',
    'Isian {field} tidak memenuhi syarat pemetaan {rule}.',
    'Field {field} does not meet the condition of mapping rule {rule}.',
  ),
  'not-utf8': row(
    'record',
    422,
    'structure',
    'Data memuat byte yang bukan UTF-8. Simpan ulang sebagai UTF-8 lalu kirim lagi.',
    'The record has bytes that are not UTF-8. Save it as UTF-8 and send it again.',
  ),
  'json-syntax-record': row('record', 422, 'structure', 'Baris {line} bukan JSON yang benar.', 'Line {line} is not valid JSON.'),
  duplicate: row(
    'record',
    422,
    'duplicate',
    'Data yang sama sudah diterima dengan kunci lain. Tidak dikirim dua kali.',
    'The same record was already received under another key. It is not sent twice.',
    'information',
  ),
  superseded: row(
    'record',
    422,
    'conflict',
    'Versi yang lebih baru sudah diterima; versi ini disimpan tetapi tidak diterapkan.',
    'A newer version was already received; this one is kept and not applied.',
    'information',
  ),
  'facility-kind': row(
    'record',
    422,
    'business-rule',
    'Jenis fasilitas pada {field} tidak dapat memberi pelayanan ini.',
    'The kind of facility in {field} cannot give this service.',
  ),
  'facility-cycle': row(
    'record',
    422,
    'business-rule',
    'Unit pembina pada {field} membentuk lingkaran.',
    'The supervising unit in {field} forms a cycle.',
  ),
  'generated-person': row(
    'record',
    422,
    'business-rule',
    'NIK contoh (awalan 99) tidak boleh masuk lingkungan produksi.',
    'A sample NIK (prefix 99) is not allowed in the production environment.',
  ),

  // Waiting (state on-hold): the record is well and kept.
  'validation-pending': row(
    'record',
    422,
    'business-rule',
    'Menunggu pengesahan tenaga kesehatan atas catatan kader.',
    "Waiting for a health worker's validation of the kader's record.",
    'warning',
  ),
  'reason-code-missing': row(
    'record',
    422,
    'business-rule',
    'Belum ada kode alasan kunjungan (ICD-10 Z) untuk layanan ini. Isi diagnosis, atau lengkapi tabel alasan.',
    'There is no reason code (ICD-10 Z) for this service yet. Give a diagnosis, or complete the reason table.',
    'warning',
  ),
  'time-missing': row(
    'record',
    422,
    'incomplete',
    'Jam pelayanan tidak ada; isi jam pada {field} atau jam buka posyandu.',
    'The time of day is missing; give it in {field} or as the session time.',
    'warning',
  ),
  identity: row(
    'platform',
    422,
    'not-found',
    'Nomor IHS belum ditemukan di SATUSEHAT. Periksa NIK, nama dan tanggal lahir.',
    'The IHS number was not found on SATUSEHAT. Check NIK, name and birth date.',
    'warning',
  ),
  'practitioner-identity': row(
    'platform',
    422,
    'not-found',
    'Tenaga kesehatan belum ditemukan di SATUSEHAT. Periksa NIK di SISDMK.',
    'The practitioner was not found on SATUSEHAT. Check the NIK in SISDMK.',
    'warning',
  ),
  'credential-missing': row(
    'platform',
    422,
    'login',
    'Belum ada kredensial SATUSEHAT untuk puskesmas ini. Tambahkan dengan ilp-fhir client add.',
    'There is no SATUSEHAT credential for this puskesmas. Add it with ilp-fhir client add.',
    'warning',
  ),

  // The produced resource
  structure: row(
    'record',
    422,
    'structure',
    'Unsur {expression} tidak sesuai struktur FHIR R4: {problem}.',
    'Element {expression} does not fit the FHIR R4 structure: {problem}.',
  ),
  cardinality: row(
    'record',
    422,
    'required',
    'Unsur {expression} harus ada {min}–{max} kali.',
    'Element {expression} must occur {min}–{max} times.',
  ),
  binding: row(
    'record',
    422,
    'code-invalid',
    'Kode pada {expression} tidak ada dalam kumpulan nilai {valueSet}.',
    'The code in {expression} is not in value set {valueSet}.',
  ),
  fixed: row(
    'record',
    422,
    'value',
    'Unsur {expression} harus bernilai tetap menurut profil {profile}.',
    'Element {expression} must have the value fixed by profile {profile}.',
  ),
  reference: row(
    'record',
    422,
    'invalid',
    'Rujukan pada {expression} tidak menunjuk {allowed}.',
    'The reference in {expression} does not point to {allowed}.',
  ),
  invariant: row(
    'record',
    422,
    'invariant',
    'Aturan FHIR {key} tidak dipenuhi pada {expression}.',
    'FHIR rule {key} is not met at {expression}.',
  ),
  'rule-mandatory': row(
    'record',
    422,
    'required',
    'Unsur {expression} wajib menurut aturan SATUSEHAT {rule}.',
    'Element {expression} is mandatory by SATUSEHAT rule {rule}.',
  ),
  'rule-system': row(
    'record',
    422,
    'code-invalid',
    'Sistem kode pada {expression} tidak diizinkan oleh aturan SATUSEHAT {rule}.',
    'The code system in {expression} is not allowed by SATUSEHAT rule {rule}.',
  ),
  'rule-date': row(
    'record',
    422,
    'value',
    'Waktu pada {expression} ditolak aturan SATUSEHAT {rule}: tidak boleh di masa depan atau sebelum 3 Juni 2014, lengkap dengan zona.',
    'The time in {expression} is refused by SATUSEHAT rule {rule}: not in the future, not before 3 June 2014, complete with zone.',
  ),
  'rule-period': row(
    'record',
    422,
    'value',
    'Urutan waktu pada {expression} ditolak aturan SATUSEHAT {rule}.',
    'The order of times in {expression} is refused by SATUSEHAT rule {rule}.',
  ),
  'rule-text': row(
    'record',
    422,
    'value',
    'Teks pada {expression} kosong; ditolak aturan SATUSEHAT {rule}.',
    'The text in {expression} is empty; SATUSEHAT rule {rule} refuses it.',
  ),
  'rule-value': row(
    'record',
    422,
    'value',
    'Nilai pada {expression} ditolak aturan SATUSEHAT {rule}.',
    'The value in {expression} is refused by SATUSEHAT rule {rule}.',
  ),

  // What the platform answered
  'platform-refused': row(
    'platform',
    422,
    'processing',
    'SATUSEHAT menolak menurut aturan {rule} pada {expression}.',
    'SATUSEHAT refused it by rule {rule} at {expression}.',
  ),
  'outcome-unknown': row(
    'platform',
    422,
    'transient',
    'Jawaban SATUSEHAT hilang; keberadaan data sedang diperiksa sebelum dikirim lagi.',
    "SATUSEHAT's answer was lost; it is looked up before anything is sent again.",
    'warning',
  ),
  'dependency-failed': row(
    'platform',
    422,
    'processing',
    'Menunggu data lain yang belum berhasil dikirim.',
    'Waits for another record that has not been delivered.',
    'warning',
  ),
  'platform-unavailable': row(
    'platform',
    503,
    'transient',
    'SATUSEHAT tidak dapat dihubungi; dicoba lagi secara otomatis.',
    'SATUSEHAT cannot be reached; it is tried again automatically.',
    'warning',
  ),
  'platform-auth': row(
    'platform',
    502,
    'login',
    'SATUSEHAT menolak kredensial puskesmas ini. Periksa client id dan secret.',
    'SATUSEHAT refused the credentials of this puskesmas. Check client id and secret.',
  ),
  'platform-forbidden': row(
    'platform',
    502,
    'forbidden',
    'SATUSEHAT tidak mengizinkan puskesmas ini mengirim jenis data tersebut.',
    'SATUSEHAT does not allow this puskesmas to send that kind of data.',
  ),

  // Set-up
  config: row('configuration', 500, 'exception', 'Konfigurasi salah: {detail}', 'The configuration is wrong: {detail}'),
  'id-key': row(
    'configuration',
    500,
    'security',
    'Kunci identitas tidak cocok dengan basis data ini. Pulihkan kunci yang benar; jangan membuat yang baru.',
    'The id key does not fit this database. Restore the right key; do not make a new one.',
  ),
  'map-compile': row(
    'configuration',
    500,
    'processing',
    'Peta {map} baris {line} kolom {column}: {problem}',
    'Map {map} line {line} column {column}: {problem}',
  ),
  'profile-compile': row('configuration', 500, 'processing', 'Profil {profile}: {problem}', 'Profile {profile}: {problem}'),
  'store-unavailable': row(
    'internal',
    503,
    'transient',
    'Basis data tidak dapat dipakai. Tidak ada yang diterima; kirim ulang.',
    'The database cannot be used. Nothing was accepted; send again.',
  ),
  internal: row(
    'internal',
    500,
    'exception',
    'Kesalahan di dalam layanan. Sebutkan nomor permintaan kepada admin.',
    'A fault inside the service. Give the request id to the admin.',
  ),
} as const satisfies Record<string, CodeRow>;

export type ErrorCode = keyof typeof CODES;
