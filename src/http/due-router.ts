import type { Bundle } from '@medplum/fhirtypes';
import { type Request, Router } from 'express';
import { carePlanOf, DUE_STATUSES, type DueList, type DuePerson, type DueStatus, type DueWhose } from '../due/index.ts';
import { AppError } from '../errors/index.ts';
import { contextOf } from '../intake/index.ts';
import type { AuditLog } from './audit-log.ts';
import { checkScope } from './auth.ts';
import { methodNotAllowed } from './error-handler.ts';
import { clientOf, stateOf } from './request-state.ts';

export interface DueRouterOptions {
  /** The list by the tables in force. */
  readonly due: () => DueList;
  readonly audit: AuditLog;
  /** Today, `YYYY-MM-DD`. */
  readonly today: () => string;
}

const PARAMETERS = new Set(['person', 'region', 'posyandu', 'at', 'status', 'service', 'summary', 'after', 'limit']);
const DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const MAX_PERSONS = 200;

/**
 * `/api/v1/due`: which services are due for whom. As JSON, or as a Bundle of CarePlans where `application/fhir+json` is asked for;
 * `summary=true` counts persons by service. Needs the scope `fhir:read`: it tells of persons.
 */
export function createDueRouter({ due, audit, today }: DueRouterOptions): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/due')
    .get(async (request, response) => {
      checkScope(clientOf(request), 'fhir:read');
      const given = parametersOf(request);
      const whose = whoseOf(given);
      const at = given.at ?? today();
      if (!DAY.test(at) || Number.isNaN(Date.parse(at))) throw new AppError('parameter', { name: 'at', expected: 'YYYY-MM-DD' });
      const services = listOf(given.service);
      const context = contextOf(clientOf(request), 'fhir', stateOf(request).id);
      const note = (count: number) =>
        audit.note({
          client: clientOf(request).id,
          action: 'read',
          target: 'due',
          outcome: 'success',
          code: null,
          requestId: stateOf(request).id,
          count,
        });
      if (given.summary === 'true') {
        const summary = await due().summary(context, whose, { at, ...(services && { services }) });
        await note(summary.persons);
        response.json({ at, ...summary });
        return;
      }
      const status = statusOf(given.status);
      const page = await due().page(context, whose, {
        at,
        limit: limitOf(given.limit),
        ...(status && { status }),
        ...(services && { services }),
        ...(given.after !== undefined && { after: given.after }),
      });
      await note(page.persons.length);
      if (request.accepts(['application/json', 'application/fhir+json']) === 'application/fhir+json') {
        const entry = page.persons.map((person) => ({ resource: carePlanOf(person, at) }));
        const bundle: Bundle = { resourceType: 'Bundle', type: 'collection', ...(entry.length > 0 && { entry }) };
        response.type('application/fhir+json').send(JSON.stringify(bundle));
        return;
      }
      response.json({ at, persons: page.persons.map(personView), ...(page.next !== undefined && { next: page.next }) });
    })
    .all(methodNotAllowed('GET'));
  return router;
}

function parametersOf(request: Request): Readonly<Record<string, string>> {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.query)) {
    if (!PARAMETERS.has(name)) throw new AppError('parameter', { name, expected: [...PARAMETERS].join(', ') });
    if (typeof value !== 'string' || value === '') throw new AppError('parameter', { name, expected: 'one value' });
    given[name] = value;
  }
  return given;
}

function whoseOf({ person, region, posyandu }: Readonly<Record<string, string>>): DueWhose {
  const named = [person, region, posyandu].filter((value) => value !== undefined);
  if (named.length !== 1) throw new AppError('parameter', { name: 'person, region, posyandu', expected: 'exactly one of them' });
  if (person !== undefined) {
    const id = person.replace(/^Patient\//, '');
    if (!/^[A-Za-z0-9.-]{1,64}$/.test(id)) throw new AppError('parameter', { name: 'person', expected: 'Patient/<id>' });
    return { person: id };
  }
  if (region !== undefined) {
    const code = region.replaceAll('.', '');
    if (!/^(\d{2}|\d{4}|\d{6}|\d{10})$/.test(code))
      throw new AppError('parameter', { name: 'region', expected: 'a Kemendagri code of 2, 4, 6 or 10 digits' });
    return { region: code };
  }
  return { posyandu: posyandu as string };
}

const listOf = (text: string | undefined): readonly string[] | undefined => text?.split(',').map((part) => part.trim());

function statusOf(text: string | undefined): readonly DueStatus[] | undefined {
  return listOf(text)?.map((word) => {
    const status = DUE_STATUSES.find((known) => known === word);
    if (status === undefined) throw new AppError('parameter', { name: 'status', expected: DUE_STATUSES.join(', ') });
    return status;
  });
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return 100;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MAX_PERSONS)
    throw new AppError('parameter', { name: 'limit', expected: `1 to ${MAX_PERSONS}` });
  return value;
}

const personView = ({ patient, items }: DuePerson) => ({
  patient: `Patient/${patient.id}`,
  name: patient.name?.[0]?.text ?? null,
  birthDate: patient.birthDate ?? null,
  sex: patient.gender ?? null,
  items: items.map(({ service, status, from, to, done }) => ({
    key: service.key,
    service: service.service,
    id: service.id,
    en: service.en,
    status,
    from,
    to: to ?? null,
    done,
    units: service.units,
  })),
});
