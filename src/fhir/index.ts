export { createFhir, type Fhir, type FhirOptions, type FhirPlainRequest, type FhirPlainResponse } from './fhir.ts';
export type { SearchParameterRow } from './search-query.ts';
