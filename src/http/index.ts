export { type AppOptions, createApp } from './app.ts';
export { type AuditLog, createAuditLog } from './audit-log.ts';
export { hashKey } from './auth.ts';
export { describeFault } from './error-handler.ts';
export { createFhirRouter } from './fhir-router.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { openApi } from './openapi.ts';
export { createPressure } from './pressure.ts';
export { type HttpServer, listen } from './server.ts';
