import type { CommandNode } from './command-tree.ts';

export function formatZsh(nodes: readonly CommandNode[]): string {
  return `#compdef telltale
_telltale() {
  local at='' word previous="\${words[CURRENT - 1]}"
  local -a offers
  for word in "\${words[@]:1:$((CURRENT - 2))}"; do
    case "$at $word" in
${pathsOf(nodes)}        at="$at $word" ;;
    esac
  done
  case "$at:$previous" in
${valueOptions(nodes)}  esac
  case "$at" in
${offers(nodes)}  esac
}
if [ "$funcstack[1]" = _telltale ]; then
  _telltale "$@"
else
  compdef _telltale telltale
fi
`;
}

function pathsOf(nodes: readonly CommandNode[]): string {
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [`' ${path}'`]));
  return `      ${paths.join(' | \\\n      ')})\n`;
}

function valueOptions(nodes: readonly CommandNode[]): string {
  const patternsOf = (wanted: 'file' | 'other'): string =>
    nodes
      .flatMap(({ path, options }) =>
        options.filter(({ value }) => value === wanted).map(({ name }) => `'${path === '' ? '' : ` ${path}`}:${name}'`),
      )
      .join(' | \\\n    ');
  return `    ${patternsOf('file')})\n      _files\n      return ;;\n    ${patternsOf('other')})\n      return ;;\n`;
}

function offers(nodes: readonly CommandNode[]): string {
  return nodes
    .map(({ path, subcommands, options, choices, takesFile }) => {
      const described = [...subcommands, ...choices.map((name) => ({ name, description: '' })), ...options].map(
        ({ name, description }) => `'${name}:${quote(description)}'`,
      );
      const files = takesFile ? '\n      _files' : '';
      return `    '${path === '' ? '' : ` ${path}`}')\n      offers=(${described.join(' ')})\n      _describe telltale offers${files} ;;\n`;
    })
    .join('');
}

/** Between single quotes, in what \`_describe\` splits at colons. */
function quote(description: string): string {
  return description.replaceAll("'", "'\\''").replaceAll(':', '\\:');
}
