import { type Issue, issue } from '../errors/index.ts';
import type { FacilityEntry, PersonEntry } from '../store/port.ts';
import type { Group } from './group.ts';
import { DEFAULT_ZONE, type Prepared, type Told, withSourceSystem } from './prepare.ts';
import { patientOf, type Resolved, sexOf, sourceKey, text, unitCode } from './resolve.ts';

export function resolveMaster(group: Group, one: Told): Resolved {
  const { ids, registers } = group;
  const { feed, record } = one;
  const issues: Issue[] = [];
  if (feed === 'facilities') {
    const code = text(record.code) ?? '';
    const supervisor = text(record.supervisorCode);
    if (supervisor !== undefined) {
      const chain = registers.chain(supervisor);
      if (supervisor === code || chain.some((entry) => entry.code === code)) {
        issues.push(issue('facility-cycle', {}, { field: 'supervisorCode' }));
      } else if (chain.length === 0) issues.push(issue('facility-unknown', {}, { field: 'supervisorCode' }));
    }
    if (issues.length > 0 || code === '') return { issues };
    const above = supervisor === undefined ? undefined : registers.facility(supervisor);
    const puskesmas = record.kind === 'puskesmas' ? code : (above?.puskesmas ?? null);
    const unit: FacilityEntry = {
      code,
      kind: text(record.kind) ?? '',
      name: text(record.name) ?? '',
      supervisor: supervisor ?? null,
      puskesmas,
      village: text(record.villageCode) ?? null,
      timeZone: text(record.timeZone) ?? above?.timeZone ?? DEFAULT_ZONE,
      organization: `Organization/${ids.organizationId(code)}`,
      location: `Location/${ids.locationId(code)}`,
      active: record.active !== false,
    };
    const head = puskesmas === code ? unit : puskesmas === null ? undefined : registers.facility(puskesmas);
    return { unit, issues, ...(head && { puskesmas: head }) };
  }
  const where = unitCode(feed, record);
  const unit = where && registers.facility(where.code);
  if (where && !unit) issues.push(issue('facility-unknown', {}, { field: where.field }));
  const puskesmas = unit?.puskesmas ? registers.facility(unit.puskesmas) : undefined;
  const posyandu = text(record.posyanduCode);
  if (feed === 'persons' && posyandu && !registers.facility(posyandu)) {
    issues.push(issue('facility-unknown', {}, { field: 'posyanduCode' }));
  }
  const birthDate = text(record.birthDate);
  const person: PersonEntry | undefined =
    feed === 'persons' && birthDate !== undefined
      ? {
          sourceKey: sourceKey(one.sourceSystem, one.sourceId),
          nikHash: text(record.nik) ? ids.nikHash(record.nik as string) : null,
          patient: `Patient/${patientOf(record, sourceKey(one.sourceSystem, one.sourceId), ids)}`,
          birthDate,
          sex: sexOf(record.sex),
          facility: where?.code ?? '',
        }
      : undefined;
  return { issues, ...(unit && { unit }), ...(puskesmas && { puskesmas }), ...(person && { person }) };
}

/** Times without offset are read in the zone of the facility, which is known only now. */
export function rezone(group: Group, one: Prepared): void {
  const { options, now, registers } = group;
  const { feed } = one.item.request;
  const where = unitCode(feed, one.record);
  const zone = where && registers.facility(where.code)?.timeZone;
  if (!zone || zone === one.zone || one.item.raw.fault || feed === 'facilities') return;
  one.zone = zone;
  delete one.print;
  const again = options.normaliser.normalise(feed, one.item.raw.value, { timeZone: zone, now, codes: options.codes });
  one.record = withSourceSystem(again.record, one.sourceSystem);
  one.issues = again.issues;
}
