import { createSigningKey } from '../../../firmware-sim/fleet/create-signing-key.ts';

/** A process of its own for create-signing-key.test.ts. */
const made = new Set<string>();
for (let count = 0; count < 20_000; count += 1) made.add(createSigningKey().x);
process.stdout.write(String(made.size));
