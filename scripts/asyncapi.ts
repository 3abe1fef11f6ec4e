import { writeFileSync } from 'node:fs';
import { createAsyncApi } from './docs/asyncapi.ts';

/** Writes docs/asyncapi.json anew; a test fails while it is not what the contract says. */
writeFileSync('docs/asyncapi.json', `${JSON.stringify(createAsyncApi(), null, 2)}\n`);
