import type { CommandNode } from './command-tree.ts';

export function formatFish(nodes: readonly CommandNode[]): string {
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`]));
  const lines = nodes.flatMap(({ path, subcommands, options, choices, takesFile }) => {
    const here = `complete -c telltale -n 'test (__telltale_path) = "${path}"'`;
    return [
      ...subcommands.map(({ name, description }) => `${here} -f -a ${name} -d '${quote(description)}'`),
      ...choices.map((name) => `${here} -f -a ${name}`),
      ...options.map(({ name, description, value }) => {
        const wants = value === 'none' ? '' : value === 'file' ? ' -r -F' : ' -x';
        return `${here} -l ${name.replace(/^--/, '')} -d '${quote(description)}'${wants}`;
      }),
      ...(takesFile ? [`${here} -F`] : []),
    ];
  });
  return `# telltale completion fish
function __telltale_path
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$at $word")
    if contains -- "$next" ${paths.join(' ')}
      set at "$next"
    end
  end
  echo "$at"
end
complete -c telltale -f
${lines.join('\n')}
`;
}

function quote(description: string): string {
  return description.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
