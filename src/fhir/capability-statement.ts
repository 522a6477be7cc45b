import type { CapabilityStatement, CapabilityStatementRestResource } from '@medplum/fhirtypes';
import { SEARCH_PARAMETERS } from '../store/index.ts';
import { DEFINED, definitionParameters } from './definitions.ts';
import { OPERATIONS } from './terminology-operations.ts';

/**
 * What this server does, made from the tables that it works by, so that it cannot claim more (FHIR R4 §5.1).
 *
 * @param date instant of the build or start, UTC
 */
export function capabilityStatement(options: { version: string; date: string; url: string }): CapabilityStatement {
  const types = [...new Set(SEARCH_PARAMETERS.map((row) => row.type))].sort();
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: options.date,
    kind: 'instance',
    software: { name: 'ILP-FHIR adapter', version: options.version },
    implementation: { description: 'ILP-FHIR adapter', url: options.url },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        security: {
          description:
            'Kunci API pada header Authorization: Bearer; hasil dibatasi menurut fasilitas. / API key as Bearer token; results are limited by facility.',
        },
        resource: [
          ...types.map(
            (type): CapabilityStatementRestResource => ({
              type: type as NonNullable<CapabilityStatementRestResource['type']>,
              interaction: [{ code: 'read' }, { code: 'vread' }, { code: 'search-type' }],
              versioning: 'versioned',
              readHistory: true,
              searchParam: [
                { name: '_id', type: 'token' as const },
                { name: '_lastUpdated', type: 'date' as const },
                ...SEARCH_PARAMETERS.filter((row) => row.type === type).map((row) => ({ name: row.param, type: row.kind })),
              ],
            }),
          ),
          ...DEFINED.map((type): CapabilityStatementRestResource => {
            const operation = Object.entries(OPERATIONS)
              .filter(([name]) => name.startsWith(`${type}/`))
              .map(([name, { definition }]) => ({ name: name.slice(type.length + 2), definition }));
            return {
              type,
              interaction: [{ code: 'read' }, { code: 'search-type' }],
              versioning: 'no-version',
              searchParam: definitionParameters(type).map(({ name, type: kind }) => ({ name, type: kind })),
              ...(operation.length > 0 && { operation }),
            };
          }),
        ],
      },
    ],
  };
}
