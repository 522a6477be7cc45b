/**
 * The XHTML that a Narrative may hold (https://hl7.org/fhir/R4/narrative.html#xhtml, rules txt-1 and txt-2): one `div` of basic
 * formatting with content, nothing active, no entities but those of XML. Reads the text once from left to right.
 */
const words = (...lines: readonly string[]): ReadonlySet<string> => new Set(lines.join(' ').split(' '));

const ELEMENTS = words(
  'p br div h1 h2 h3 h4 h5 h6 a span b em i strong small big tt dfn q var abbr acronym cite blockquote hr address bdo kbd sub sup ul ol',
  'li dl dt dd pre table caption colgroup col thead tr tfoot tbody th td code samp img map area',
);
const ATTRIBUTES = words(
  'title style class id lang xml:lang xml:space dir accesskey tabindex span width align valign char charoff abbr axis headers scope rowspan',
  'colspan a.href a.name img.src img.border div.xmlns blockquote.cite q.cite a.charset a.type a.hreflang a.rel a.rev a.shape a.coords',
  'img.alt img.longdesc img.height img.width img.usemap img.ismap map.name area.shape area.coords area.href area.nohref area.alt',
  'table.summary table.width table.border table.frame table.rules table.cellspacing table.cellpadding pre.space td.nowrap',
);
/** Elements that may only stand right below others. */
const PARENTS: Readonly<Record<string, ReadonlySet<string>>> = {
  li: words('ul ol'),
  td: words('tr'),
  th: words('tr'),
  tr: words('table thead tbody tfoot'),
  thead: words('table'),
  tbody: words('table'),
  tfoot: words('table'),
  caption: words('table'),
  colgroup: words('table'),
  col: words('colgroup table'),
  dt: words('dl'),
  dd: words('dl'),
  area: words('map'),
};

const NAMESPACE = 'http://www.w3.org/1999/xhtml';
const BEFORE = /^\s*(?:<\?xml[^>]*\?>\s*)?/;
const TAG = /<(\/?)([A-Za-z][A-Za-z0-9]*)/y;
const ATTRIBUTE = /\s+([A-Za-z][\w:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)'|([^\s"'<>/]+))/y;
const END = /\s*(\/?)>/y;
const COMMENT = /<!--[\s\S]*?-->/y;
const TEXT = /[^<]+/y;
const BAD_ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)/;

export function isXhtml(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const open: string[] = [];
  const ids = new Set<string>();
  const links: string[] = [];
  let hasContent = false;
  let at = BEFORE.exec(value)?.[0].length ?? 0;
  const match = (form: RegExp): RegExpExecArray | null => {
    form.lastIndex = at;
    const found = form.exec(value);
    if (found !== null) at = form.lastIndex;
    return found;
  };
  if (!/^<div[\s>]/.test(value.slice(at, at + 5))) return false;
  for (;;) {
    const text = match(TEXT)?.[0];
    if (text !== undefined) {
      if (BAD_ENTITY.test(text)) return false;
      hasContent ||= text.trim() !== '';
      continue;
    }
    if (match(COMMENT) !== null) continue;
    const tag = match(TAG);
    // HL7's engine does not mind a div that ends with the text.
    if (tag === null) return at === value.length && open.length === 1 && hasContent && links.every((link) => ids.has(link));
    const name = (tag[2] as string).toLowerCase();
    if (tag[1] === '/') {
      if (open.pop() !== name || match(END)?.[1] !== '') return false;
      // What follows the outermost element is not read.
      if (open.length === 0) return hasContent && links.every((link) => ids.has(link));
      continue;
    }
    if (!ELEMENTS.has(name) || PARENTS[name]?.has(open.at(-1) ?? '') === false) return false;
    let namespace: string | undefined;
    for (let each = match(ATTRIBUTE); each !== null; each = match(ATTRIBUTE)) {
      const attribute = (each[1] as string).toLowerCase();
      const content = each[2] ?? each[3] ?? each[4] ?? '';
      if (!ATTRIBUTES.has(attribute) && !ATTRIBUTES.has(`${name}.${attribute}`)) return false;
      if (BAD_ENTITY.test(content)) return false;
      if (attribute === 'xmlns') namespace = content;
      else if (attribute === 'id' || attribute === 'name') {
        if (attribute === 'id' && ids.has(content)) return false;
        ids.add(content);
      } else if (attribute === 'href') {
        if (/^javascript:|\s/i.test(content)) return false;
        if (content.startsWith('#')) links.push(content.slice(1));
      }
    }
    const end = match(END);
    if (end === null || (open.length === 0 && namespace !== NAMESPACE) || (namespace !== undefined && namespace !== NAMESPACE))
      return false;
    hasContent ||= name === 'img';
    if (end[1] !== '/') open.push(name);
    else if (open.length === 0) return false;
  }
}
