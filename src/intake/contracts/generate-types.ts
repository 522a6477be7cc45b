import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CONTRACTS } from './index.ts';
import { renderContractTypes } from './render-types.ts';

// Run by hand or by `npm run contracts`; the test compares the file with what this would write.
writeFileSync(fileURLToPath(new URL('./types.ts', import.meta.url)), await renderContractTypes(CONTRACTS));
