/* Generated from *-2.schema.json by generate-types.ts. Change the schemas, not this file. */

/**
 * Catatan ternormalisasi menurut feed; Normalised records by feed
 */
export interface ContractRecords {
  FacilityRecord: FacilityRecord;
  PersonRecord: PersonRecord;
  PractitionerRecord: PractitionerRecord;
  EncounterRecord: EncounterRecord;
  VillageObservationRecord: VillageObservationRecord;
}
/**
 * Fasilitas: puskesmas, pustu, posyandu dan jaringannya; Facility: puskesmas, pustu, posyandu and their network
 */
export interface FacilityRecord {
  /**
   * Nama sistem sumber (ditentukan saat kunci dibuat); Name of the source system (fixed when the key is made)
   */
  sourceSystem: string;
  /**
   * Nomor catatan di sistem sumber; tetap untuk selamanya; Id of the record in the source system; never changes
   */
  sourceId: string;
  /**
   * Waktu terakhir diubah di sumber; versi yang lebih lama tidak diterapkan; When it was last changed at the source; an older version is not applied
   */
  sourceUpdatedAt?: string;
  /**
   * Berlaku atau ditarik; Active or withdrawn
   */
  recordStatus?: 'active' | 'withdrawn';
  /**
   * Alasan ditarik; Reason of withdrawal
   */
  withdrawnReason?: string;
  /**
   * Nama tata letak sumber; bila kosong: default; Name of the source layout; empty: default
   */
  layout?: string;
  /**
   * Jenis unit; Kind of unit
   */
  kind: 'dinkes' | 'puskesmas' | 'pustu' | 'pkd' | 'poskesdes' | 'ponkesdes' | 'polindes' | 'posyandu' | 'klinik' | 'pmb' | 'rs' | 'desa';
  /**
   * Kode unit (kode puskesmas atau kode lokal); sourceId memakai kode ini bila kosong; Code of the unit (kode puskesmas or local); sourceId defaults to it
   */
  code: string;
  /**
   * Nama unit; Name of the unit
   */
  name: string;
  /**
   * Kode unit pembina teknis; Code of the technically supervising unit
   */
  supervisorCode?: string;
  /**
   * Pemerintah desa: kode desa Kemendagri atau kode unit jenis desa; Village government: Kemendagri village code or code of a unit of kind desa
   */
  parentCode?: string;
  /**
   * Sejak kapan di bawah pemerintah desa; Under the village government since
   */
  parentSince?: string;
  /**
   * Kode Kemendagri tanpa titik: 10 angka (desa/kelurahan); 6 angka (kecamatan) boleh untuk puskesmas; Kemendagri code without dots: 10 digits (village); 6 digits (kecamatan) allowed for a puskesmas
   */
  villageCode?: string;
  /**
   * Kategori letak; Location category
   */
  category?: 'perkotaan' | 'pedesaan' | 'terpencil' | 'sangat_terpencil';
  /**
   * Rawat inap; Has inpatient care
   */
  inpatient?: boolean;
  /**
   * Peran dalam ILP; Role in ILP
   */
  ilpRole?: 'coordinator' | 'village_unit' | 'community_post' | 'partner' | 'referral';
  /**
   * Tahap penerapan ILP; Stage of the ILP rollout
   */
  ilpStage?: 'belum' | 'sosialisasi_advokasi' | 'persiapan' | 'lokus' | 'operasional' | 'replikasi_penuh';
  /**
   * Mulai ILP; Start of ILP
   */
  ilpStart?: string;
  /**
   * Jumlah kader; Number of kader
   */
  kaderCount?: number;
  /**
   * Jumlah tenaga kesehatan; Number of health workers
   */
  nakesCount?: number;
  /**
   * Lintang; Latitude
   */
  latitude?: number;
  /**
   * Bujur; Longitude
   */
  longitude?: number;
  /**
   * Zona waktu IANA; bila kosong Asia/Jakarta; IANA time zone; Asia/Jakarta if empty
   */
  timeZone?: string;
  /**
   * Wilayah kerja: daftar kode desa; Working area: list of village codes
   *
   * @maxItems 500
   *
   * Items: Kode desa/kelurahan Kemendagri tanpa titik, 10 angka; Kemendagri village code without dots, 10 digits
   */
  workingArea?: string[];
  /**
   * Telepon; Telephone
   */
  phone?: string;
  /**
   * Nomor Organization di SATUSEHAT (diberikan Kemenkes); Organization id on SATUSEHAT (given by Kemenkes)
   */
  satusehatOrganizationId?: string;
  /**
   * Nomor Location di SATUSEHAT bila sudah ada; Location id on SATUSEHAT when it exists
   */
  satusehatLocationId?: string;
  /**
   * Masih beroperasi; Still working
   */
  active?: boolean;
  [k: string]: unknown;
}
/**
 * Orang: warga yang dilayani; Person: a resident who is served
 */
export interface PersonRecord {
  /**
   * Nama sistem sumber (ditentukan saat kunci dibuat); Name of the source system (fixed when the key is made)
   */
  sourceSystem: string;
  /**
   * Nomor catatan di sistem sumber; tetap untuk selamanya; Id of the record in the source system; never changes
   */
  sourceId: string;
  /**
   * Waktu terakhir diubah di sumber; versi yang lebih lama tidak diterapkan; When it was last changed at the source; an older version is not applied
   */
  sourceUpdatedAt?: string;
  /**
   * Berlaku atau ditarik; Active or withdrawn
   */
  recordStatus?: 'active' | 'withdrawn';
  /**
   * Alasan ditarik; Reason of withdrawal
   */
  withdrawnReason?: string;
  /**
   * Nama tata letak sumber; bila kosong: default; Name of the source layout; empty: default
   */
  layout?: string;
  /**
   * NIK, tepat 16 angka, sebagai teks; NIK, exactly 16 digits, as text
   */
  nik?: string;
  /**
   * NIK ibu, untuk bayi yang belum punya NIK; Mother's NIK, for a newborn without NIK
   */
  nikIbu?: string;
  /**
   * Urutan lahir (0 tunggal); Birth order (0 single)
   */
  birthOrder?: number;
  /**
   * Nomor Kartu Keluarga, 16 angka; Family card number, 16 digits
   */
  noKk?: string;
  /**
   * Nama lengkap; Full name
   */
  name: string;
  /**
   * Tanggal lahir; Birth date
   */
  birthDate: string;
  /**
   * Jenis kelamin; Sex
   */
  sex: 'male' | 'female';
  /**
   * Kode fasilitas tempat terdaftar; Code of the facility where registered
   */
  facilityCode: string;
  /**
   * Nomor kartu JKN, 13 angka; JKN card number, 13 digits
   */
  noJkn?: string;
  /**
   * Nomor telepon; Telephone
   */
  phone?: string;
  address?: HomeAddress;
  /**
   * Status kawin; Marital status
   */
  marital?: 'belum_kawin' | 'kawin' | 'cerai_hidup' | 'cerai_mati';
  /**
   * Pendidikan (kode atau teks); Education (code or text)
   */
  education?: string;
  /**
   * Pekerjaan (kode atau teks); Occupation (code or text)
   */
  occupation?: string;
  /**
   * Kode posyandu; Code of the posyandu
   */
  posyanduCode?: string;
  /**
   * Nama ibu; Name of the mother
   */
  motherName?: string;
  [k: string]: unknown;
}
/**
 * Alamat domisili; Home address
 */
export interface HomeAddress {
  /**
   * Jalan dan nomor; Street and number
   */
  line?: string;
  /**
   * RT; RT (neighbourhood)
   */
  rt?: string;
  /**
   * RW; RW (hamlet)
   */
  rw?: string;
  /**
   * Dusun; Dusun (hamlet)
   */
  dusun?: string;
  /**
   * Kode desa/kelurahan Kemendagri tanpa titik, 10 angka; Kemendagri village code without dots, 10 digits
   */
  villageCode?: string;
  /**
   * Kode pos; Postal code
   */
  postalCode?: string;
  [k: string]: unknown;
}
/**
 * Tenaga kesehatan atau kader; Health worker or kader
 */
export interface PractitionerRecord {
  /**
   * Nama sistem sumber (ditentukan saat kunci dibuat); Name of the source system (fixed when the key is made)
   */
  sourceSystem: string;
  /**
   * Nomor catatan di sistem sumber; tetap untuk selamanya; Id of the record in the source system; never changes
   */
  sourceId: string;
  /**
   * Waktu terakhir diubah di sumber; versi yang lebih lama tidak diterapkan; When it was last changed at the source; an older version is not applied
   */
  sourceUpdatedAt?: string;
  /**
   * Berlaku atau ditarik; Active or withdrawn
   */
  recordStatus?: 'active' | 'withdrawn';
  /**
   * Alasan ditarik; Reason of withdrawal
   */
  withdrawnReason?: string;
  /**
   * Nama tata letak sumber; bila kosong: default; Name of the source layout; empty: default
   */
  layout?: string;
  /**
   * NIK, tepat 16 angka, sebagai teks; NIK, exactly 16 digits, as text
   */
  nik: string;
  /**
   * Nama lengkap; Full name
   */
  name: string;
  /**
   * Profesi: dokter, dokter_gigi, bidan, perawat, gizi, kesmas, kesling, lab, farmasi, kader, lainnya; Profession
   */
  profession?: string;
  /**
   * Kode fasilitas tempat bekerja; Code of the facility where employed
   */
  facilityCode?: string;
  /**
   * Nomor SIP; Practice licence (SIP)
   */
  sip?: string;
  /**
   * Masih bekerja; Still employed
   */
  active?: boolean;
  [k: string]: unknown;
}
/**
 * Kunjungan klaster di puskesmas, pustu atau jaringannya; Cluster encounter at a puskesmas, pustu or its network
 */
export interface EncounterRecord {
  /**
   * Nama sistem sumber (ditentukan saat kunci dibuat); Name of the source system (fixed when the key is made)
   */
  sourceSystem: string;
  /**
   * Nomor catatan di sistem sumber; tetap untuk selamanya; Id of the record in the source system; never changes
   */
  sourceId: string;
  /**
   * Waktu terakhir diubah di sumber; versi yang lebih lama tidak diterapkan; When it was last changed at the source; an older version is not applied
   */
  sourceUpdatedAt?: string;
  /**
   * Berlaku atau ditarik; Active or withdrawn
   */
  recordStatus?: 'active' | 'withdrawn';
  /**
   * Alasan ditarik; Reason of withdrawal
   */
  withdrawnReason?: string;
  /**
   * Nama tata letak sumber; bila kosong: default; Name of the source layout; empty: default
   */
  layout?: string;
  /**
   * Kode unit tempat pelayanan; Code of the unit where it happened
   */
  facilityCode: string;
  person: PersonRef;
  practitioner: PractitionerRef;
  /**
   * Mulai; Start
   */
  start: string;
  /**
   * Selesai; End
   */
  end?: string;
  /**
   * Klaster: K1 manajemen, K2 ibu dan anak, K3 dewasa dan lansia, K4 penyakit menular, LK lintas klaster. Klaster kunjungan hanya K2 atau K3; Cluster: K1 management, K2 mother and child, K3 adults and elderly, K4 communicable diseases, LK cross-cluster. The cluster of a visit is K2 or K3 only
   */
  cluster: 'K1' | 'K2' | 'K3' | 'K4' | 'LK';
  /**
   * Kunjungan baru atau lama; New or returning visit
   */
  visitType?: 'baru' | 'lama';
  /**
   * Nama poli di sistem sumber; Name of the room in the source system
   */
  poli?: string;
  /**
   * Keluhan; Complaint
   */
  complaint?: string;
  vitals?: Vitals;
  /**
   * Diagnosis ICD-10; ICD-10 diagnoses
   *
   * @maxItems 20
   */
  diagnoses?: Diagnosis[];
  laboratory?: Laboratory;
  pregnancy?: Pregnancy;
  /**
   * Imunisasi; Immunisations
   *
   * @maxItems 20
   */
  immunizations?: ImmunizationGiven[];
  /**
   * Layanan; Services
   *
   * @maxItems 50
   */
  services?: EncounterService[];
  /**
   * Permintaan laboratorium (rujukan internal lintas klaster); Laboratory requests (internal referral across clusters)
   *
   * @maxItems 50
   */
  labRequests?: LabRequest[];
  /**
   * Rujukan; Referrals
   *
   * @maxItems 10
   */
  referrals?: Referral[];
  /**
   * Cara pulang; Disposition
   */
  disposition?: 'home' | 'referred' | 'inpatient' | 'left' | 'died' | 'other';
  [k: string]: unknown;
}
/**
 * Orang yang dilayani: salah satu dari sourceId, nik, inline; The person served: one of sourceId, nik, inline
 */
export interface PersonRef {
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  /**
   * NIK, tepat 16 angka, sebagai teks; NIK, exactly 16 digits, as text
   */
  nik?: string;
  inline?: InlinePerson;
  [k: string]: unknown;
}
/**
 * Data orang secara lengkap, bila belum dikirim lewat persons; The person in full, when not sent through persons
 */
export interface InlinePerson {
  /**
   * NIK, tepat 16 angka, sebagai teks; NIK, exactly 16 digits, as text
   */
  nik?: string;
  /**
   * NIK ibu, untuk bayi yang belum punya NIK; Mother's NIK, for a newborn without NIK
   */
  nikIbu?: string;
  /**
   * Urutan lahir (0 tunggal); Birth order (0 single)
   */
  birthOrder?: number;
  /**
   * Nomor Kartu Keluarga, 16 angka; Family card number, 16 digits
   */
  noKk?: string;
  /**
   * Nama lengkap; Full name
   */
  name: string;
  /**
   * Tanggal lahir; Birth date
   */
  birthDate: string;
  /**
   * Jenis kelamin; Sex
   */
  sex: 'male' | 'female';
  /**
   * Kode fasilitas tempat terdaftar; Code of the facility where registered
   */
  facilityCode?: string;
  /**
   * Nomor kartu JKN, 13 angka; JKN card number, 13 digits
   */
  noJkn?: string;
  /**
   * Nomor telepon; Telephone
   */
  phone?: string;
  address?: HomeAddress;
  /**
   * Status kawin; Marital status
   */
  marital?: 'belum_kawin' | 'kawin' | 'cerai_hidup' | 'cerai_mati';
  /**
   * Pendidikan (kode atau teks); Education (code or text)
   */
  education?: string;
  /**
   * Pekerjaan (kode atau teks); Occupation (code or text)
   */
  occupation?: string;
  /**
   * Kode posyandu; Code of the posyandu
   */
  posyanduCode?: string;
  /**
   * Nama ibu; Name of the mother
   */
  motherName?: string;
  [k: string]: unknown;
}
/**
 * Tenaga kesehatan: nik atau sourceId; Health worker: nik or sourceId
 */
export interface PractitionerRef {
  /**
   * NIK, tepat 16 angka, sebagai teks; NIK, exactly 16 digits, as text
   */
  nik?: string;
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  [k: string]: unknown;
}
/**
 * Tanda vital dan antropometri; Vital signs and anthropometry
 */
export interface Vitals {
  /**
   * Sistole, mmHg; Systolic, mmHg
   */
  systolic?: number;
  /**
   * Diastole, mmHg; Diastolic, mmHg
   */
  diastolic?: number;
  /**
   * Nadi, per menit; Heart rate, per minute
   */
  heartRate?: number;
  /**
   * Napas, per menit; Respiratory rate, per minute
   */
  respiratoryRate?: number;
  /**
   * Suhu, °C; Temperature, °C
   */
  temperature?: number;
  /**
   * Berat badan, kg; Weight, kg
   */
  weight?: number;
  /**
   * Tinggi/panjang badan, cm; Height/length, cm
   */
  height?: number;
  /**
   * Lingkar perut, cm; Waist circumference, cm
   */
  waist?: number;
  /**
   * Lingkar lengan atas, cm; Mid-upper-arm circumference, cm
   */
  lila?: number;
  /**
   * Lingkar kepala, cm; Head circumference, cm
   */
  headCircumference?: number;
  /**
   * Saturasi oksigen, %; Oxygen saturation, %
   */
  spo2?: number;
  /**
   * Kesadaran; Consciousness
   */
  consciousness?: string;
  [k: string]: unknown;
}
/**
 * Diagnosis; Diagnosis
 */
export interface Diagnosis {
  /**
   * Kode ICD-10 dengan titik, misalnya J06.9; ICD-10 code with dot, for example J06.9
   */
  code: string;
  /**
   * Urutan; 1 = utama; Rank; 1 = principal
   */
  rank?: number;
  /**
   * Nama diagnosis; diisi dari daftar ICD-10 bila kosong; Name of the diagnosis; filled in from the ICD-10 list when empty
   */
  display?: string;
  [k: string]: unknown;
}
/**
 * Hasil laboratorium; Laboratory results
 */
export interface Laboratory {
  /**
   * Hemoglobin, g/dL; Haemoglobin, g/dL
   */
  hb?: number;
  /**
   * Gula darah, mg/dL; Blood glucose, mg/dL
   */
  glucose?: number;
  /**
   * Jenis gula darah: sewaktu, puasa; Kind of glucose: random, fasting
   */
  glucoseType?: 'random' | 'fasting';
  /**
   * Kolesterol total, mg/dL; Total cholesterol, mg/dL
   */
  cholesterol?: number;
  /**
   * HDL, mg/dL; HDL, mg/dL
   */
  hdl?: number;
  /**
   * LDL, mg/dL; LDL, mg/dL
   */
  ldl?: number;
  /**
   * Trigliserida, mg/dL; Triglycerides, mg/dL
   */
  triglycerides?: number;
  /**
   * HbA1c, %; HbA1c, %
   */
  hba1c?: number;
  /**
   * Asam urat, mg/dL; Uric acid, mg/dL
   */
  uricAcid?: number;
  /**
   * Protein urin: negatif, +1 …; Urine protein: negative, +1 …
   */
  proteinUrine?: string;
  /**
   * HIV: reaktif, nonreaktif; HIV: reactive, nonreactive
   */
  hiv?: string;
  /**
   * Sifilis: reaktif, nonreaktif; Syphilis: reactive, nonreactive
   */
  syphilis?: string;
  /**
   * HBsAg: reaktif, nonreaktif; HBsAg: reactive, nonreactive
   */
  hepatitisB?: string;
  /**
   * Golongan darah; Blood group
   */
  bloodGroup?: 'A' | 'B' | 'AB' | 'O';
  [k: string]: unknown;
}
/**
 * Pemeriksaan kehamilan; Pregnancy
 */
export interface Pregnancy {
  /**
   * Kehamilan ke; Gravida
   */
  gravida?: number;
  /**
   * Persalinan; Para
   */
  para?: number;
  /**
   * Keguguran; Abortus
   */
  abortus?: number;
  /**
   * HPHT; Last menstrual period
   */
  lmp?: string;
  /**
   * HPL; Expected date of delivery
   */
  edd?: string;
  /**
   * Usia kehamilan, minggu; Gestational age, weeks
   */
  gestationalAgeWeeks?: number;
  /**
   * Trimester; Trimester
   */
  trimester?: number;
  /**
   * Tinggi fundus uteri, cm; Fundal height, cm
   */
  fundalHeight?: number;
  /**
   * Denyut jantung janin, per menit; Fetal heart rate, per minute
   */
  fetalHeartRate?: number;
  /**
   * Presentasi janin; Fetal presentation
   */
  fetalPresentation?: string;
  /**
   * Berat sebelum hamil, kg; Weight before pregnancy, kg
   */
  weightBefore?: number;
  /**
   * Kunjungan ANC ke; ANC contact
   */
  contact?: 'K1' | 'K2' | 'K3' | 'K4' | 'K5' | 'K6';
  [k: string]: unknown;
}
/**
 * Imunisasi; Immunisation
 */
export interface ImmunizationGiven {
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  /**
   * Kode vaksin dari tabel imunisasi, misalnya DPT-HB-Hib; Vaccine token of the immunisation table, for example DPT-HB-Hib
   */
  vaccine: string;
  /**
   * Dosis ke; Dose number
   */
  dose?: number;
  /**
   * Nomor batch; Lot number
   */
  lot?: string;
  /**
   * Kedaluwarsa; Expiry
   */
  expiry?: string;
  /**
   * Cara pemberian; Route
   */
  route?: string;
  /**
   * Tempat penyuntikan; Site
   */
  site?: string;
  /**
   * Waktu pemberian; kosong = mulai kunjungan; When given; empty = start of the visit
   */
  occurredAt?: string;
  /**
   * Diberikan di kunjungan ini (bukan riwayat); Given at this visit (not history)
   */
  primarySource?: boolean;
  /**
   * Alasan: IM-Dasar, IM-Lanjutan …; Reason: IM-Dasar, IM-Lanjutan …
   */
  reason?: string;
  /**
   * Waktu menurut jadwal; When by the schedule
   */
  timing?: 'ideal';
  /**
   * Volume yang diberikan, mL; Volume given, mL
   */
  amount?: number;
  /**
   * Kode KFA produk yang diberikan; KFA code of the product that was given
   */
  product?: string;
  /**
   * Tidak diberikan, alasannya; Not given, and why
   */
  notGiven?: 'medical' | 'objection' | 'immune' | 'out-of-stock';
  /**
   * Keterangan alasan tidak diberikan; Why it was not given, in words
   */
  notGivenNote?: string;
  /**
   * Asal laporan: pihak lain seperti kader, ingatan keluarga, catatan tertulis, catatan sekolah; Origin of a report: another provider such as a kader, recall of the family, a written record, a record of the school
   */
  origin?: 'provider' | 'recall' | 'record' | 'school';
  /**
   * Pelapor, misalnya nama kader; Who reported it, for example the name of a kader
   */
  reportedBy?: string;
  [k: string]: unknown;
}
/**
 * Layanan dalam kunjungan; Service in the visit
 */
export interface EncounterService {
  /**
   * Klaster: K1 manajemen, K2 ibu dan anak, K3 dewasa dan lansia, K4 penyakit menular, LK lintas klaster. Klaster kunjungan hanya K2 atau K3; Cluster: K1 management, K2 mother and child, K3 adults and elderly, K4 communicable diseases, LK cross-cluster. The cluster of a visit is K2 or K3 only
   */
  cluster: 'K1' | 'K2' | 'K3' | 'K4' | 'LK';
  /**
   * Nama formulir dari tabel formulir; Form name of the form table
   */
  form: string;
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  answers?: Answers;
  [k: string]: unknown;
}
/**
 * Jawaban formulir: nama butir → nilai; Answers of a form: item name → value
 */
export interface Answers {
  [k: string]: string | number | boolean | null | (string | number | boolean)[];
}
/**
 * Permintaan laboratorium; Laboratory request
 */
export interface LabRequest {
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  /**
   * Kode pemeriksaan dari tabel permintaan; Test token of the request table
   */
  code: string;
  /**
   * Catatan; Note
   */
  note?: string;
  [k: string]: unknown;
}
/**
 * Rujukan; Referral
 */
export interface Referral {
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  /**
   * Internal atau eksternal; Internal or external
   */
  kind: 'internal' | 'external';
  /**
   * Tujuan: kode fasilitas, klaster atau nama; Destination: facility code, cluster or name
   */
  to?: string;
  /**
   * Kode ICD-10 dengan titik, misalnya J06.9; ICD-10 code with dot, for example J06.9
   */
  reasonCode?: string;
  /**
   * Catatan; Note
   */
  note?: string;
  [k: string]: unknown;
}
/**
 * Pencatatan posyandu (hari buka) atau kunjungan rumah; Posyandu (open day) or home visit record
 */
export interface VillageObservationRecord {
  /**
   * Nama sistem sumber (ditentukan saat kunci dibuat); Name of the source system (fixed when the key is made)
   */
  sourceSystem: string;
  /**
   * Nomor catatan di sistem sumber; tetap untuk selamanya; Id of the record in the source system; never changes
   */
  sourceId: string;
  /**
   * Waktu terakhir diubah di sumber; versi yang lebih lama tidak diterapkan; When it was last changed at the source; an older version is not applied
   */
  sourceUpdatedAt?: string;
  /**
   * Berlaku atau ditarik; Active or withdrawn
   */
  recordStatus?: 'active' | 'withdrawn';
  /**
   * Alasan ditarik; Reason of withdrawal
   */
  withdrawnReason?: string;
  /**
   * Nama tata letak sumber; bila kosong: default; Name of the source layout; empty: default
   */
  layout?: string;
  person: PersonRef;
  /**
   * Kode posyandu; wajib untuk hari_buka; Code of the posyandu; required for hari_buka
   */
  posyanduCode?: string;
  /**
   * Kode unit, bila bukan posyandu; Code of the unit, when it is no posyandu
   */
  facilityCode?: string;
  /**
   * Tanggal atau waktu pelayanan; Date or time of service
   */
  date: string;
  /**
   * Mulai hari buka; Start of the open day
   */
  sessionStart?: string;
  /**
   * Selesai hari buka; End of the open day
   */
  sessionEnd?: string;
  /**
   * Hari buka posyandu atau kunjungan rumah; Posyandu open day or home visit
   */
  context: 'hari_buka' | 'kunjungan_rumah';
  /**
   * Kode formulir sumber; Form code of the source
   */
  formCode?: string;
  measurements?: Measurements;
  answers?: Answers;
  /**
   * Tanda bahaya; Danger signs
   *
   * @maxItems 30
   *
   * Items: Tanda bahaya dari tabel; Danger sign token of the table
   */
  dangerSigns?: string[];
  /**
   * Layanan; Services
   *
   * @maxItems 50
   */
  services?: VillageService[];
  /**
   * Dirujuk ke pustu/puskesmas; Referred to the pustu/puskesmas
   */
  referred?: boolean;
  kader?: KaderRef;
  practitioner?: PractitionerRef;
  validatedBy?: PractitionerRef;
  /**
   * Waktu pengesahan; Time of validation
   */
  validatedAt?: string;
  /**
   * Diagnosis ICD-10; ICD-10 diagnoses
   *
   * @maxItems 20
   */
  diagnoses?: Diagnosis[];
  /**
   * Nama program lokal, misalnya SAPA TEPAT; Name of a local programme
   */
  localProgramme?: string;
  [k: string]: unknown;
}
/**
 * Pengukuran; Measurements
 */
export interface Measurements {
  /**
   * Berat badan, kg; Weight, kg
   */
  weight?: number;
  /**
   * Tinggi/panjang badan, cm; Height/length, cm
   */
  height?: number;
  /**
   * Cara ukur; Posture while measured
   */
  posture?: 'terlentang' | 'berdiri';
  /**
   * Lingkar lengan atas, cm; Mid-upper-arm circumference, cm
   */
  lila?: number;
  /**
   * Lingkar kepala, cm; Head circumference, cm
   */
  headCircumference?: number;
  /**
   * Lingkar perut, cm; Waist circumference, cm
   */
  waist?: number;
  /**
   * Sistole, mmHg; Systolic, mmHg
   */
  systolic?: number;
  /**
   * Diastole, mmHg; Diastolic, mmHg
   */
  diastolic?: number;
  /**
   * Gula darah, mg/dL; Blood glucose, mg/dL
   */
  glucose?: number;
  /**
   * Jenis gula darah: sewaktu, puasa; Kind of glucose: random, fasting
   */
  glucoseType?: 'random' | 'fasting';
  /**
   * Hemoglobin, g/dL; Haemoglobin, g/dL
   */
  hb?: number;
  /**
   * Suhu, °C; Temperature, °C
   */
  temperature?: number;
  /**
   * Nadi, per menit; Heart rate, per minute
   */
  heartRate?: number;
  /**
   * Napas, per menit; Respiratory rate, per minute
   */
  respiratoryRate?: number;
  /**
   * Kolesterol total, mg/dL; Total cholesterol, mg/dL
   */
  cholesterol?: number;
  /**
   * Asam urat, mg/dL; Uric acid, mg/dL
   */
  uricAcid?: number;
  [k: string]: unknown;
}
/**
 * Layanan posyandu; Posyandu service
 */
export interface VillageService {
  /**
   * Nama formulir: vitamin-a, edukasi, obat-cacing, ttd, pmt; Form name
   */
  form: string;
  /**
   * Nomor di sistem sumber; Id in the source system
   */
  sourceId?: string;
  answers?: Answers;
  [k: string]: unknown;
}
/**
 * Kader yang mencatat; Kader who recorded
 */
export interface KaderRef {
  /**
   * NIK, tepat 16 angka, sebagai teks; NIK, exactly 16 digits, as text
   */
  nik?: string;
  /**
   * Nama kader; Name of the kader
   */
  name?: string;
  [k: string]: unknown;
}
