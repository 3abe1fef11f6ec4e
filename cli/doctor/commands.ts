import type { Command } from 'commander';
import { addCommand } from '../command.ts';
import type { OutputOptions } from '../output/tell.ts';

export function addDoctorCommands(program: Command): void {
  addCommand(program, {
    usage: 'doctor',
    description:
      'look at settings and their files, binding, Redis, database, clocks, workers and broker, and say what to do',
    examples: ['doctor', 'doctor --json'],
  }).action(async (options: OutputOptions) => (await import('./run-doctor.ts')).runDoctor(options));
}
