import type { CommandNode } from './command-tree.ts';

/** For bash 4 and later, and for zsh through `formatZsh`: the names in it are ours, so that nothing in them needs quoting. */
export function formatBash(nodes: readonly CommandNode[]): string {
  return `# telltale completion bash
_telltale() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" path='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$path $word" in
${pathsOf(nodes)}        path="$path $word" ;;
    esac
  done
  case "$path:$previous" in
${fileOptions(nodes)}  esac
  case "$path" in
${offers(nodes)}  esac
}
complete -F _telltale telltale
`;
}

function pathsOf(nodes: readonly CommandNode[]): string {
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [`' ${path}'`]));
  return `      ${paths.join(' | \\\n      ')})\n`;
}

function fileOptions(nodes: readonly CommandNode[]): string {
  const files: string[] = [];
  const others: string[] = [];
  for (const { path, options } of nodes) {
    for (const { name, value } of options) {
      const pattern = `'${path === '' ? '' : ` ${path}`}:${name}'`;
      if (value === 'file') files.push(pattern);
      if (value === 'other') others.push(pattern);
    }
  }
  const lines = [
    `    ${files.join(' | \\\n    ')})\n      mapfile -t COMPREPLY < <(compgen -f -- "$current")\n      return ;;\n`,
    `    ${others.join(' | \\\n    ')})\n      COMPREPLY=()\n      return ;;\n`,
  ];
  return lines.join('');
}

function offers(nodes: readonly CommandNode[]): string {
  return nodes
    .map(({ path, subcommands, options, choices, takesFile }) => {
      const words = [...subcommands.map(({ name }) => name), ...choices, ...options.map(({ name }) => name)];
      const files = takesFile ? '; compgen -f -- "$current"' : '';
      const made = `compgen -W '${words.join(' ')}' -- "$current"${files}`;
      return `    '${path === '' ? '' : ` ${path}`}')\n      mapfile -t COMPREPLY < <(${made}) ;;\n`;
    })
    .join('');
}
