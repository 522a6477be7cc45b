// Loaded before the program (`node --import`): what V8 has compiled, and what Node has stripped of types, is kept between starts. Without
// it a start takes a third longer. Kept below the packages: whoever may write there could change the program itself as well.
import { enableCompileCache, flushCompileCache } from 'node:module';
import path from 'node:path';

enableCompileCache(path.join(import.meta.dirname, '../node_modules/.cache/ilp-fhir'));
// Not only at the end: a service may be killed before it ends.
setTimeout(flushCompileCache, 15_000).unref();
