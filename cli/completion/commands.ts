import { Argument, type Command } from 'commander';
import { addCommand } from '../command.ts';
import { SHELLS, type Shell } from './shells.ts';

export function addCompletionCommands(program: Command): void {
  addCommand(program, {
    usage: 'completion',
    description: 'print what makes a shell complete the commands of telltale',
    examples: [
      'completion bash > ~/.local/share/bash-completion/completions/telltale',
      'completion zsh > ~/.zfunc/_telltale',
      'completion fish > ~/.config/fish/completions/telltale.fish',
    ],
  })
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action(async (shell: Shell, options: { readonly json?: boolean }) =>
      (await import('./print-completion.ts')).printCompletion(program, shell, options),
    );
}
