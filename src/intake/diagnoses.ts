import { type Issue, issue } from '../errors/index.ts';
import type { NormalisedRecord } from '../mapping/types.ts';
import type { PersonEntry } from '../store/port.ts';
import type { LocalCodes } from '../terminology/index.ts';
import { SYSTEMS } from '../terminology/systems.ts';
import { text } from './resolve.ts';

const DAY_MS = 86_400_000;

/**
 * What speaks against the ICD-10 codes of a record: the sex and age of the patient, and an asterisk code in the first place. Warnings only:
 * the tables know what is usual, and the platform takes what is not.
 *
 * @param person of the register; without it only the order is looked at
 */
export function checkDiagnoses(
  record: NormalisedRecord,
  person: Pick<PersonEntry, 'sex' | 'birthDate'> | undefined,
  codes: Pick<LocalCodes, 'implausible' | 'mark'>,
): readonly Issue[] {
  const diagnoses = (Array.isArray(record.diagnoses) ? record.diagnoses : []) as readonly { code?: unknown; rank?: unknown }[];
  const ageDays = ageOf(person?.birthDate, text(record.start) ?? text(record.date));
  const known = { ...(person && person.sex !== 'unknown' && { sex: person.sex }), ...(ageDays !== undefined && { ageDays }) };
  return diagnoses.flatMap((diagnosis, index): Issue[] => {
    const code = text(diagnosis?.code);
    if (code === undefined) return [];
    const field = `diagnoses[${index}].code`;
    const found = codes
      .implausible(SYSTEMS.icd10, code, known)
      .map(({ kind }) => (kind === 'sex' ? issue('diagnosis-sex', { field }, { field }) : issue('diagnosis-age', { field }, { field })));
    const main = (diagnosis.rank ?? index + 1) === 1;
    return main && codes.mark(SYSTEMS.icd10, code)?.kind === 'asterisk'
      ? [...found, issue('diagnosis-asterisk', { field }, { field })]
      : found;
  });
}

function ageOf(birthDate: string | undefined, day: string | undefined): number | undefined {
  const days = (Date.parse(`${day?.slice(0, 10)}T00:00:00Z`) - Date.parse(`${birthDate?.slice(0, 10)}T00:00:00Z`)) / DAY_MS;
  return days >= 0 ? days : undefined;
}
