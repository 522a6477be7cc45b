export { createFhir, type Fhir, type FhirOptions, type FhirPlainRequest, type FhirPlainResponse } from './fhir.ts';
