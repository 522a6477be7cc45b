import type { Bilingual, ErrorCode, Issue } from '../errors/index.ts';
import type { CredentialCheck } from './composition.ts';

export interface CheckStep {
  readonly step: 'token' | 'organization' | 'read';
  /** What was tried, in words of the platform: `Organization/100329035`. */
  readonly target: string;
  readonly ok: boolean;
  /** There was no token to try it with. */
  readonly skipped?: true;
  readonly issue?: Issue;
  /** What the platform itself said, where that tells more. */
  readonly details?: readonly Issue[];
}

/** The three steps of `client check`: how each went, why not, and what to do. */
export function checkSteps(facility: string, check: CredentialCheck): readonly CheckStep[] {
  const id = check.organizationId ?? '…';
  const targets = { token: 'accesstoken', organization: `Organization/${id}`, read: `Location?organization=${id}` } as const;
  const step = (name: CheckStep['step'], fault: Fault | undefined): CheckStep => ({
    step: name,
    target: targets[name],
    ok: fault === undefined,
    ...(fault && { issue: { severity: 'error', code: fault.code, text: fault.text } }),
    ...(fault?.details && fault.details.length > 0 && { details: fault.details }),
  });
  const token = step('token', tokenFault(facility, check));
  if (!token.ok) {
    const rest = (['organization', 'read'] as const).map((name) => ({
      step: name,
      target: targets[name],
      ok: false,
      skipped: true as const,
    }));
    return [token, ...rest];
  }
  return [token, step('organization', organizationFault(id, check)), step('read', readFault(check))];
}

interface Fault {
  readonly code: ErrorCode;
  readonly text: Bilingual;
  readonly details?: readonly Issue[];
}

function tokenFault(facility: string, { token }: CredentialCheck): Fault | undefined {
  switch (token) {
    case 'accepted':
      return undefined;
    case 'missing':
      return {
        code: 'credential-missing',
        text: {
          id: `Belum ada kredensial SATUSEHAT untuk ${facility} di lingkungan ini. Tambahkan dengan ilp-fhir client add ${facility} --satusehat; bila sudah, periksa ILP_ENVIRONMENT dan ILP_SECRET_KEY.`,
          en: `There is no SATUSEHAT credential for ${facility} in this environment. Add it with ilp-fhir client add ${facility} --satusehat; if you have, check ILP_ENVIRONMENT and ILP_SECRET_KEY.`,
        },
      };
    case 'refused':
      return {
        code: 'platform-auth',
        text: {
          id: `SATUSEHAT menolak client id atau secret. Salin ulang keduanya dari akun SATUSEHAT (staging dan production berbeda), simpan dengan ilp-fhir client add ${facility} --satusehat, tunggu satu menit, lalu periksa lagi.`,
          en: `SATUSEHAT refused the client id or the secret. Copy both again from the SATUSEHAT account (staging and production differ), store them with ilp-fhir client add ${facility} --satusehat, wait a minute, then check again.`,
        },
      };
    case 'wait':
      return {
        code: 'platform-auth',
        text: {
          id: 'SATUSEHAT sedang menahan permintaan token klien ini (satu per menit sesudah gagal). Tunggu satu menit, lalu periksa lagi.',
          en: 'SATUSEHAT holds back token requests of this client (one a minute after a failed one). Wait a minute, then check again.',
        },
      };
    case 'unreachable':
      return {
        code: 'platform-unavailable',
        text: {
          id: 'Layanan token SATUSEHAT tidak menjawab. Periksa jaringan, ILP_PLATFORM_AUTH_URL, ILP_PROXY dan ILP_CA_FILE, lalu periksa lagi.',
          en: "SATUSEHAT's token service does not answer. Check the network, ILP_PLATFORM_AUTH_URL, ILP_PROXY and ILP_CA_FILE, then check again.",
        },
      };
  }
}

function organizationFault(id: string, { organization, registeredOrganization, issues }: CredentialCheck): Fault | undefined {
  if (organization === 'mismatch') {
    return {
      code: 'platform-organization',
      text: {
        id: `SATUSEHAT tidak memberikan Organization ${id} kepada klien ini: id-nya salah, atau milik fasilitas lain. Periksa --organization-id pada client add --satusehat.`,
        en: `SATUSEHAT does not give Organization ${id} to this client: the id is wrong, or another facility's. Check --organization-id of client add --satusehat.`,
      },
      details: issues,
    };
  }
  if (organization !== 'match') return unreadable(`Organization ${id}`, issues);
  if (registeredOrganization === undefined || registeredOrganization === id) return undefined;
  return {
    code: 'platform-organization',
    text: {
      id: `Data fasilitas menyebut Organization ${registeredOrganization} untuk puskesmas ini, kredensialnya ${id}. Perbaiki salah satunya: satusehatOrganizationId pada data fasilitas, atau --organization-id pada client add --satusehat.`,
      en: `The facility register names Organization ${registeredOrganization} for this puskesmas, its credential ${id}. Mend one of them: satusehatOrganizationId of the facility, or --organization-id of client add --satusehat.`,
    },
  };
}

function readFault({ read, readIssues = [] }: CredentialCheck): Fault | undefined {
  if (read === 'allowed') return undefined;
  if (read !== 'refused') return unreadable('Location', readIssues);
  return {
    code: 'platform-forbidden',
    text: {
      id: 'Token diterima, tetapi klien ini tidak boleh membaca data (Location). Minta pengelola akun SATUSEHAT mengaktifkan izin data FHIR klien ini, lalu periksa lagi.',
      en: 'The token is accepted, but this client may not read data (Location). Have its permission for FHIR data enabled on the SATUSEHAT account, then check again.',
    },
    details: readIssues,
  };
}

/** No verdict: an outage, a pause, or an answer that is none. What the platform said of it stands in the details. */
const unreadable = (what: string, details: readonly Issue[]): Fault => ({
  code: 'platform-unavailable',
  text: {
    id: `${what} tidak dapat dibaca dari SATUSEHAT: tidak ada jawaban yang jelas, atau diminta menunggu. Periksa ILP_PLATFORM_FHIR_URL dan jaringan, lalu periksa lagi.`,
    en: `${what} could not be read from SATUSEHAT: no clear answer, or it asked to wait. Check ILP_PLATFORM_FHIR_URL and the network, then check again.`,
  },
  details,
});
