import { problemsOf } from '../../errors/index.ts';

/**
 * Everything that can be wrong with a map, Indonesian first: what is wrong and, where it can be told, what to write instead. Words of the mapping
 * language and of FHIR stay as they are written. `why-…` and `word-…` stand within other texts.
 */
export const MAP_PROBLEMS = {
  'calls-deep': {
    id: 'grup saling memanggil lebih dalam dari {max}',
    en: 'groups call each other deeper than {max}',
  },
  'nesting-deep': {
    id: 'grup dan aturan bersarang terlalu dalam',
    en: 'groups and rules nest too deep',
  },
  'paths-many': {
    id: 'grup saling memanggil lewat terlalu banyak jalur',
    en: 'the groups call each other along too many paths',
  },
  'conditions-many': {
    id: 'terlalu banyak syarat bersarang dalam ungkapan',
    en: 'the expression nests too many conditions within each other',
  },
  'expression-long': {
    id: 'ungkapan lebih panjang dari {max} kata dan tanda',
    en: 'the expression is longer than {max} words and symbols',
  },
  'url-twice': {
    id: 'url {url} dipakai dua peta',
    en: 'the url {url} is used by two maps',
  },
  'import-missing': {
    id: 'peta {url} yang diimpor tidak ada',
    en: 'the imported map {url} is not in the set',
  },
  'default-twice': {
    id: "'{group}' sudah untuk {types}",
    en: "'{group}' is for {types} already",
  },
  'group-twice': {
    id: "grup '{group}' tertulis dua kali",
    en: "the group '{group}' stands twice",
  },
  'types-inputs': {
    id: "grup dengan <<types>> ditulis '{group}(source src : Type, target tgt : Type)'",
    en: "a group with <<types>> is written '{group}(source src : Type, target tgt : Type)'",
  },
  'entry-missing': {
    id: "tidak ada peta dengan grup awal '{group}'",
    en: "no map has the entry group '{group}'",
  },
  'entry-twice': {
    id: "grup awal '{group}' ada di dua peta",
    en: "the entry group '{group}' stands in two maps",
  },
  'entry-inputs': {
    id: "grup awal ditulis '{group}(source src : …, source ctx, target bundle : Bundle)'",
    en: "an entry group is written '{group}(source src : …, source ctx, target bundle : Bundle)'",
  },
  'group-ambiguous': {
    id: "grup '{group}' ada di dua peta yang diimpor",
    en: "the group '{group}' stands in two imported maps",
  },
  'group-missing': {
    id: "tidak ada grup '{group}' di peta ini atau di peta yang diimpornya",
    en: "there is no group '{group}' in this map or in those it imports",
  },
  'type-undeclared': {
    id: 'tipe \'{type}\' belum dinyatakan: tulis uses "…" alias {type} as source',
    en: 'the type \'{type}\' is not declared: write uses "…" alias {type} as source',
  },
  'default-ambiguous': {
    id: 'grup {groups} sama-sama untuk tipe ini: sebut salah satu dengan then',
    en: 'the groups {groups} are both for these types: name one with then',
  },
  'target-type-missing': {
    id: "tipe sasaran '{type}' tidak ada di tabel unsur R4",
    en: "the target type '{type}' is not in R4's element table",
  },
  'concept-map-missing': {
    id: 'tidak ada peta konsep {url}',
    en: 'there is no concept map {url}',
  },
  'target-untyped': {
    id: 'sasaran grup pertama memerlukan tipe',
    en: 'a target of the first group needs a type',
  },
  endless: {
    id: 'panggilan ini tidak pernah selesai: tidak masuk lebih dalam ke sumber',
    en: 'this call never ends: it goes no further into the source',
  },
  'input-twice': {
    id: "masukan '{input}' disebut dua kali",
    en: "the input '{input}' is named twice",
  },
  'input-name': {
    id: "masukan tidak boleh bernama '{input}'",
    en: "an input cannot be named '{input}'",
  },
  'extends-itself': {
    id: "'{group}' memperluas dirinya sendiri",
    en: "'{group}' extends itself",
  },
  'extends-inputs': {
    id: "'{group}' memiliki {mode} '{input}', grup ini tidak",
    en: "'{group}' has the {mode} '{input}', this group does not",
  },
  'no-source': {
    id: 'aturan ini tidak memiliki sumber',
    en: 'the rule has no source',
  },
  'too-many-choices': {
    id: 'terlalu banyak pilihan bertingkat: sebut tipenya dengan saringan tipe (: Type)',
    en: 'too many choices within each other: say which type is meant with a type filter (: Type)',
  },
  'group-arguments': {
    id: "'{group}' menerima {wanted} argumen, ditemukan {found}",
    en: "'{group}' takes {wanted} arguments, found {found}",
  },
  'no-variable': {
    id: "tidak ada variabel '{name}' di sini",
    en: "there is no variable '{name}' here",
  },
  'no-variable-percent': {
    id: "tidak ada variabel '%{name}' di sini",
    en: "there is no variable '%{name}' here",
  },
  'argument-target': {
    id: "'{input}' pada '{group}' memerlukan objek sasaran, ditemukan {found}",
    en: "'{input}' of '{group}' needs an object of the target, found {found}",
  },
  'argument-target-type': {
    id: "'{input}' pada '{group}' bertipe {wanted}, '{name}' bertipe {type}",
    en: "'{input}' of '{group}' is a {wanted}, '{name}' is a {type}",
  },
  'argument-source': {
    id: "'{input}' pada '{group}' adalah sumber, '{name}' milik sasaran",
    en: "'{input}' of '{group}' is a source, '{name}' belongs to the target",
  },
  'argument-type': {
    id: "'{input}' pada '{group}' bertipe {wanted}, bukan {type}",
    en: "'{input}' of '{group}' is a {wanted}, not {type}",
  },
  'argument-kind': {
    id: "'{input}' pada '{group}' bertipe {wanted}, ditemukan {kind}",
    en: "'{input}' of '{group}' is a {wanted}, found a {kind}",
  },
  'no-this': {
    id: "tidak ada '$this' di sini: sebut variabelnya, atau tulis evaluate(variable, (expression))",
    en: "there is no '$this' here: name a variable, or write evaluate(variable, (expression))",
  },
  'target-unreadable': {
    id: "'{name}' milik sasaran dan tidak dapat dibaca",
    en: "'{name}' belongs to the target and cannot be read",
  },
  'variable-or-field': {
    id: "'{name}' adalah variabel sekaligus isian: tulis %{name} atau $this.{name}",
    en: "'{name}' is a variable and a field: write %{name} or $this.{name}",
  },
  'field-name': {
    id: "'{name}' tidak boleh menjadi nama isian",
    en: "'{name}' cannot be the name of a field",
  },
  'no-field-in': {
    id: "{kind} tidak memiliki isian '{name}'",
    en: "a {kind} has no field '{name}'",
  },
  'not-condition': {
    id: 'ini {kind}, bukan syarat: bandingkan, atau tambahkan .exists()',
    en: 'this is a {kind}, not a condition: compare it, or add .exists()',
  },
  'compared-kinds': {
    id: '{a} dibandingkan dengan {b}',
    en: 'a {a} is compared with a {b}',
  },
  'compared-objects': {
    id: 'objek tidak dapat dibandingkan: bandingkan isiannya',
    en: 'objects cannot be compared: compare their fields',
  },
  'boolean-order': {
    id: 'boolean tidak memiliki urutan',
    en: 'booleans have no order',
  },
  union: {
    id: "'|' hanya didukung antara literal, di kanan 'in'",
    en: "'|' is covered only between literals, on the right of 'in'",
  },
  'join-kind': {
    id: "'&' menyambung teks: tambahkan .toString() pada {kind} ini",
    en: "'&' joins texts: add .toString() to this {kind}",
  },
  'plus-kinds': {
    id: "'+' antara {a} dan {b}",
    en: "'+' of a {a} and a {b}",
  },
  'needs-numbers': {
    id: "'{operator}' memerlukan bilangan, ini {kind}",
    en: "'{operator}' needs numbers, this is a {kind}",
  },
  'expected-kind': {
    id: 'seharusnya {wanted}, ini {kind}',
    en: 'expected a {wanted}, this is a {kind}',
  },
  'needs-type-name': {
    id: "'{operator}' memerlukan nama tipe",
    en: "'{operator}' needs the name of a type",
  },
  'never-a': {
    id: '{name} tidak pernah bertipe {type}',
    en: '{name} is never a {type}',
  },
  'no-type': {
    id: "tidak ada tipe '{type}'",
    en: "there is no type '{type}'",
  },
  'function-arguments': {
    id: '{name}() menerima {count} argumen',
    en: '{name}() takes {count} arguments',
  },
  'iif-start': {
    id: 'iif(…) berada di awal ungkapan',
    en: 'iif(…) stands at the start of an expression',
  },
  'not-base': {
    id: 'not() memerlukan sesuatu di depannya',
    en: 'not() needs something before it',
  },
  'function-uncovered': {
    id: 'fungsi {name}() tidak didukung dalam ungkapan',
    en: 'the function {name}() is not covered in expressions',
  },
  'needs-text': {
    id: '{name}() memerlukan teks, ini {kind}',
    en: '{name}() needs a text, this is a {kind}',
  },
  'pattern-literal': {
    id: 'polanya harus literal',
    en: 'the pattern must be a literal',
  },
  'pattern-regex': {
    id: 'polanya bukan ungkapan reguler',
    en: 'the pattern is not a regular expression',
  },
  'expression-expected': {
    id: "dalam ungkapan seharusnya '{wanted}', ditemukan '{found}'",
    en: "expected '{wanted}' in the expression, found '{found}'",
  },
  'expression-depth': {
    id: 'ungkapan bertingkat lebih dalam dari {max}',
    en: 'the expression is nested deeper than {max}',
  },
  'operator-uncovered': {
    id: "operator '{operator}' tidak didukung dalam ungkapan",
    en: "the operator '{operator}' is not covered in expressions",
  },
  'this-start': {
    id: "'$this' hanya di awal jalur",
    en: "'$this' stands only at the start of a path",
  },
  'name-after-dot': {
    id: "seharusnya nama setelah '.', ditemukan '{found}'",
    en: "expected a name after '.', found '{found}'",
  },
  'index-number': {
    id: 'hanya bilangan yang didukung di antara [ dan ]',
    en: 'only a number is covered between [ and ]',
  },
  quantities: {
    id: 'kuantitas tidak didukung dalam ungkapan',
    en: 'quantities are not covered in expressions',
  },
  'name-after-percent': {
    id: "seharusnya nama variabel setelah '%'",
    en: "expected the name of a variable after '%'",
  },
  'dollar-uncovered': {
    id: "'{name}' tidak didukung dalam ungkapan",
    en: "'{name}' is not covered in expressions",
  },
  'date-literals': {
    id: 'literal tanggal dan waktu tidak didukung dalam ungkapan',
    en: 'date and time literals are not covered in expressions',
  },
  'expression-end': {
    id: 'ungkapan berakhir terlalu awal',
    en: 'the expression ends too early',
  },
  'expression-unexpected': {
    id: "'{found}' tidak terduga dalam ungkapan",
    en: "unexpected '{found}' in the expression",
  },
  'expression-text-open': {
    id: 'teks dalam ungkapan belum ditutup',
    en: 'a text in the expression is not closed',
  },
  'expression-escape': {
    id: 'pelolosan tidak dikenal dalam ungkapan',
    en: 'unknown escape in the expression',
  },
  'expression-character': {
    id: "karakter '{found}' tidak terduga dalam ungkapan",
    en: "unexpected character '{found}' in the expression",
  },
  'transform-parameters': {
    id: '{transform} menerima {count} parameter',
    en: '{transform} takes {count} parameters',
  },
  'source-of-target': {
    id: "'{name}' milik sasaran: sumber tidak dapat membacanya",
    en: "'{name}' belongs to the target: a source cannot read it",
  },
  'empty-text': {
    id: 'teks kosong bukan nilai',
    en: 'an empty text is no value',
  },
  'parameter-kind': {
    id: 'parameter adalah literal atau variabel',
    en: 'a parameter is a literal or a variable',
  },
  'parameter-repeats': {
    id: "'{name}' berulang: telusuri di sumber aturan",
    en: "'{name}' repeats: iterate over it in the source of a rule",
  },
  'parameter-object': {
    id: "'{name}' adalah objek, bukan nilai",
    en: "'{name}' is an object, not a value",
  },
  truncate: {
    id: 'truncate menerima teks dan panjang sedikitnya 1',
    en: 'truncate takes a text and a length of at least 1',
  },
  escape: {
    id: 'escape menerima teks dan dua dari {names} dalam tanda kutip',
    en: 'escape takes a text and two of {names} in quotes',
  },
  'uuid-parameters': {
    id: 'uuid tidak menerima parameter',
    en: 'uuid takes no parameters',
  },
  'transform-uncovered': {
    id: "transformasi '{transform}' tidak didukung di sini",
    en: "the transform '{transform}' is not covered here",
  },
  'choice-cast': {
    id: "{type}.{element} adalah pilihan ({types}): sebut yang mana dengan cast(…, '…')",
    en: "{type}.{element} is a choice ({types}): say which with cast(…, '…')",
  },
  cast: {
    id: "cast menerima nilai dan tipe primitif dalam tanda kutip: cast(x, 'date')",
    en: "cast takes a value and a primitive type in quotes: cast(x, 'date')",
  },
  'cannot-become': {
    id: '{kind} tidak dapat menjadi {type}',
    en: 'a {kind} cannot become a {type}',
  },
  'expression-object': {
    id: 'ungkapan memberi objek, bukan nilai',
    en: 'the expression gives an object, not a value',
  },
  evaluate: {
    id: 'evaluate menerima (expression), atau variabel dan (expression)',
    en: 'evaluate takes (expression), or a variable and (expression)',
  },
  'evaluate-variable': {
    id: 'parameter pertama evaluate adalah variabel',
    en: 'the first parameter of evaluate is a variable',
  },
  translate: {
    id: "translate menerima kode, peta konsep dan hasilnya: translate(x, '#name', 'code')",
    en: "translate takes a code, the concept map and the output: translate(x, '#name', 'code')",
  },
  'translate-output': {
    id: 'translate memberi code, system, display, Coding atau CodeableConcept, bukan {found}',
    en: 'translate gives code, system, display, Coding or CodeableConcept, not {found}',
  },
  'does-not-fit': {
    id: "{kind} tidak cocok untuk {type}: tulis cast(…, '{type}')",
    en: "{kind} does not fit {type}: write cast(…, '{type}')",
  },
  'literal-type': {
    id: '{value} bukan {type}',
    en: '{value} is not a {type}',
  },
  'not-target': {
    id: "'{name}' bukan objek sasaran",
    en: "'{name}' is not an object of the target",
  },
  'target-repeats': {
    id: "'{name}' berulang: buat satu dengan '{owner}.{name} as variable' dan isi di dalamnya",
    en: "'{name}' repeats: make one with '{owner}.{name} as variable' and write into it",
  },
  'ids-from-roles': {
    id: 'id berasal dari peran: tulis role:… ke entry.fullUrl',
    en: 'ids come from roles: write role:… into entry.fullUrl',
  },
  'resource-type': {
    id: 'tipe sumber daya ditentukan oleh create(…)',
    en: 'the type of a resource is given by create(…)',
  },
  'variable-name': {
    id: "variabel tidak boleh bernama '{name}'",
    en: "a variable cannot be named '{name}'",
  },
  'transform-refused': {
    id: '{transform}(): {why}',
    en: '{transform}(): {why}',
  },
  'why-undefined': {
    id: 'tidak didukung: spesifikasi tidak menyebut apa yang dilakukannya',
    en: 'is not covered: the specification does not say what it does',
  },
  'why-roles': {
    id: 'id berasal dari peran: tulis role:… ke entry.fullUrl dan ke rujukan',
    en: 'ids come from roles: write role:… into entry.fullUrl and into references',
  },
  'why-pointer': {
    id: "tidak didukung: rujuk perannya dengan 'role:…'",
    en: "is not covered: refer to the role with 'role:…'",
  },
  'target-variable': {
    id: 'sasaran tanpa unsur memerlukan variabel (as …)',
    en: 'a target without an element needs a variable (as …)',
  },
  'value-element': {
    id: 'nilai memerlukan unsur tujuan',
    en: 'a value needs an element to go to',
  },
  'one-list-mode': {
    id: 'satu mode daftar, bukan beberapa',
    en: 'one list mode, not several',
  },
  'share-name': {
    id: "'share' memerlukan nama untuk objek yang dibagi",
    en: "'share' needs the name under which the object is shared",
  },
  'list-mode-objects': {
    id: "'{mode}' untuk objek yang dibuat aturan, bukan untuk nilai",
    en: "'{mode}' is for objects that a rule makes, not for values",
  },
  'create-free': {
    id: "create tanpa unsur memerlukan tipe dalam tanda kutip: create('Patient')",
    en: "create without an element needs a type in quotes: create('Patient')",
  },
  'is-no': {
    id: '{type} bukan {wanted}',
    en: 'a {type} is no {wanted}',
  },
  create: {
    id: "create menerima satu tipe dalam tanda kutip: create('Quantity')",
    en: "create takes one type in quotes: create('Quantity')",
  },
  'object-variable': {
    id: 'objek tanpa variabel tetap kosong: tulis … as variable',
    en: 'an object without a variable stays empty: write … as variable',
  },
  'is-primitive': {
    id: '{type}.{element} adalah primitif: beri nilai',
    en: '{type}.{element} is a primitive: assign a value to it',
  },
  'one-resource': {
    id: '{transform} menerima satu sumber daya sasaran',
    en: '{transform} takes one resource of the target',
  },
  'not-resource': {
    id: "'{name}' bukan sumber daya",
    en: "'{name}' is not a resource",
  },
  'reference-text': {
    id: '{transform}(…) adalah teks untuk Reference.reference: buat Reference dengan … as variable',
    en: '{transform}(…) is a text for Reference.reference: make the Reference with … as variable',
  },
  'reference-variable': {
    id: 'teks {transform}(…) belum diketahui sebelum peta dijalankan: tidak dapat menjadi variabel',
    en: 'the text of {transform}(…) is not known before the map has run: it cannot be a variable',
  },
  'is-complex': {
    id: '{owner}.{element} bertipe {type}: buat dengan create, cc, c, qty … lalu isi di dalamnya',
    en: '{owner}.{element} is a {type}: make it with create, cc, c, qty … and write into it',
  },
  'value-missing': {
    id: 'nilai ini mungkin tidak ada, jadi tidak dapat menjadi variabel: ikat bagiannya di sumber aturan',
    en: 'this value may be missing, so it cannot be a variable: bind its parts in the source of the rule',
  },
  'object-copied': {
    id: 'objek tidak disalin utuh: sebut menjadi apa isiannya dengan then …',
    en: 'an object is not copied as a whole: name what becomes of its fields with then …',
  },
  'is-no-group': {
    id: '{type} bukan {wanted}: sebut grup untuk keduanya dengan <<types>>',
    en: 'a {type} is no {wanted}: name a group for the two with <<types>>',
  },
  'default-choice': {
    id: 'default memerlukan tipe pilihannya: tulis … : Type default …',
    en: 'a default needs the type of the choice: write … : Type default …',
  },
  'bind-choice': {
    id: 'ikat dahulu pemilik pilihan itu',
    en: 'bind what the choice belongs to first',
  },
  log: {
    id: "'log' tidak didukung: peta tidak memiliki efek samping",
    en: "'log' is not covered: a map is pure",
  },
  'default-element': {
    id: 'default memerlukan unsur',
    en: 'a default needs an element',
  },
  'cardinality-element': {
    id: 'kardinalitas memerlukan unsur',
    en: 'a cardinality needs an element',
  },
  'list-mode-element': {
    id: 'mode daftar memerlukan unsur',
    en: 'a list mode needs an element',
  },
  'choice-filter': {
    id: "'{name}' adalah pilihan: ikat dahulu dengan saringan tipe",
    en: "'{name}' is a choice: bind it with a type filter first",
  },
  'list-of-lists': {
    id: 'daftar dari daftar tidak didukung',
    en: 'a list of lists is not covered',
  },
  'default-kind': {
    id: 'default bertipe {kind}, isiannya {wanted}',
    en: 'the default is a {kind}, the field a {wanted}',
  },
  'list-mode-single': {
    id: "'{mode}' dari nilai tunggal tidak pernah ada",
    en: "'{mode}' of a single value is never there",
  },
  'expected-top': {
    id: "seharusnya 'uses', 'imports', 'conceptmap' atau 'group', ditemukan {found}",
    en: "expected 'uses', 'imports', 'conceptmap' or 'group', found {found}",
  },
  'no-group': {
    id: 'peta tidak memiliki grup',
    en: 'the map has no group',
  },
  'expected-mode': {
    id: 'seharusnya source, queried, target atau produced, ditemukan {found}',
    en: 'expected source, queried, target or produced, found {found}',
  },
  'expected-relation': {
    id: 'seharusnya hubungan ({relations}), ditemukan {found}',
    en: 'expected a relation ({relations}), found {found}',
  },
  'code-twice': {
    id: "kode '{code}' dipetakan dua kali",
    en: "code '{code}' is mapped twice",
  },
  'unmapped-group': {
    id: "'unmapped' memerlukan satu kelompok kode {system}, ada {count}",
    en: "'unmapped' needs one group of codes of {system}, there are {count}",
  },
  'concept-map-empty': {
    id: 'peta konsep kosong',
    en: 'the concept map is empty',
  },
  'prefix-undeclared': {
    id: "awalan '{prefix}' belum dinyatakan",
    en: "the prefix '{prefix}' is not declared",
  },
  'expected-code': {
    id: 'seharusnya kode, ditemukan {found}',
    en: 'expected a code, found {found}',
  },
  'expected-types': {
    id: "seharusnya 'types' atau 'type+'",
    en: "expected 'types' or 'type+'",
  },
  'expected-input': {
    id: "seharusnya 'source' atau 'target', ditemukan {found}",
    en: "expected 'source' or 'target', found {found}",
  },
  'rules-depth': {
    id: 'aturan bertingkat lebih dalam dari {max}',
    en: 'rules are nested deeper than {max}',
  },
  'r5-keyword': {
    id: "'{word}' (R5) tidak didukung",
    en: "'{word}' (R5) is not covered",
  },
  'old-for': {
    id: "'for' milik tata bahasa lama",
    en: "'for' belongs to an older grammar",
  },
  'rule-name': {
    id: 'nama aturan ditulis dalam tanda kutip ganda',
    en: 'the name of a rule stands in double quotes',
  },
  'function-in-source': {
    id: 'fungsi tidak boleh dalam jalur sumber: pakai where atau evaluate',
    en: 'a function is not allowed in a source path: use where or evaluate',
  },
  'default-literal': {
    id: 'default harus literal',
    en: 'a default must be a literal',
  },
  'r5-single': {
    id: "mode daftar 'single' (R5) tidak didukung",
    en: "list mode 'single' (R5) is not covered",
  },
  'only-evaluate': {
    id: 'ungkapan hanya boleh dalam evaluate(…)',
    en: 'an expression is only allowed in evaluate(…)',
  },
  'function-here': {
    id: 'fungsi tidak boleh di sini: tulis (expression)',
    en: 'a function is not allowed here: write (expression)',
  },
  'expected-number': {
    id: 'seharusnya bilangan',
    en: 'expected a number',
  },
  'argument-path': {
    id: 'argumen adalah variabel atau literal: ikat dahulu jalurnya ke variabel',
    en: 'an argument is a variable or a literal: bind the path to a variable first',
  },
  'expected-integer': {
    id: 'seharusnya bilangan bulat, ditemukan {found}',
    en: 'expected a whole number, found {found}',
  },
  'expected-word': {
    id: "seharusnya '{wanted}', ditemukan {found}",
    en: "expected '{wanted}', found {found}",
  },
  'expected-name': {
    id: 'seharusnya {what}, ditemukan {found}',
    en: 'expected {what}, found {found}',
  },
  'expected-quoted': {
    id: 'seharusnya {what} dalam tanda kutip ganda, ditemukan {found}',
    en: 'expected {what} in double quotes, found {found}',
  },
  'needs-parentheses': {
    id: '{what} memerlukan ungkapan dalam kurung',
    en: '{what} needs an expression in parentheses',
  },
  'parenthesis-open': {
    id: 'kurung belum ditutup',
    en: 'the parenthesis is not closed',
  },
  'expression-empty': {
    id: 'ungkapan kosong',
    en: 'the expression is empty',
  },
  'unexpected-character': {
    id: 'karakter {found} tidak terduga',
    en: 'unexpected character {found}',
  },
  'text-open': {
    id: 'teks belum ditutup',
    en: 'the text is not closed',
  },
  'text-escape': {
    id: 'pelolosan tidak dikenal dalam teks',
    en: 'unknown escape in the text',
  },
  'r5-metadata': {
    id: 'metadata \'///\' (R5) tidak didukung: tulis map "url" = "Name"',
    en: '\'///\' metadata (R5) is not covered: write map "url" = "Name"',
  },
  'comment-open': {
    id: 'komentar belum ditutup',
    en: 'the comment is not closed',
  },
  'takes-backbone': {
    id: '{type}.{element} menerima unsur tulang punggung, bukan {wanted}',
    en: '{type}.{element} takes a backbone element, not {wanted}',
  },
  'type-not-in-table': {
    id: 'tipe {code} dari {type}.{element} tidak ada di tabel unsur',
    en: 'the type {code} of {type}.{element} is not in the element table',
  },
  'needs-resource-type': {
    id: "{type}.{element} memerlukan tipe sumber daya: tulis create('…')",
    en: "{type}.{element} needs the type of the resource: write create('…')",
  },
  'choice-which': {
    id: "{type}.{element} adalah pilihan ({types}): sebut yang mana dengan create('…') atau cast(…, '…')",
    en: "{type}.{element} is a choice ({types}): say which with create('…') or cast(…, '…')",
  },
  'choice-base': {
    id: "{type}.{element}: tulis unsur pilihan sebagai '{base}' dengan create('…') atau cast(…, '…')",
    en: "{type}.{element}: write the choice element as '{base}' with create('…') or cast(…, '…')",
  },
  'no-element': {
    id: "{type} tidak memiliki unsur '{element}'",
    en: "{type} has no element '{element}'",
  },
  'unmapped-mode': {
    id: "'unmapped' dengan mode '{mode}' tidak didukung",
    en: "'unmapped' of the mode '{mode}' is not covered",
  },
  'unmapped-system': {
    id: "'unmapped' memerlukan satu sistem sasaran",
    en: "'unmapped' needs one target system",
  },
  'code-ambiguous': {
    id: "peta konsep memberi '{code}' dua arti",
    en: "the concept map gives '{code}' two meanings",
  },
  'word-alias': {
    id: 'aliasnya',
    en: 'the alias',
  },
  'word-prefix': {
    id: 'awalannya',
    en: 'the prefix',
  },
  'word-a-prefix': {
    id: 'awalan',
    en: 'a prefix',
  },
  'word-group': {
    id: 'nama grup',
    en: 'the name of the group',
  },
  'word-extended': {
    id: 'grup yang diperluas',
    en: 'the extended group',
  },
  'word-input': {
    id: 'nama masukan',
    en: 'the name of the input',
  },
  'word-input-type': {
    id: 'tipe masukan',
    en: 'the type of the input',
  },
  'word-source': {
    id: 'sumbernya',
    en: 'the source',
  },
  'word-type': {
    id: 'tipenya',
    en: 'the type',
  },
  'word-variable': {
    id: 'variabelnya',
    en: 'the variable',
  },
  'word-target': {
    id: 'sasarannya',
    en: 'the target',
  },
  'word-argument': {
    id: 'variabel atau literal',
    en: 'a variable or a literal',
  },
  'word-element': {
    id: 'unsur',
    en: 'an element',
  },
  'word-a-group': {
    id: 'nama grup',
    en: 'the name of a group',
  },
  'word-place': {
    id: "grup '{group}', aturan '{rule}'",
    en: "group '{group}', rule '{rule}'",
  },
  'no-field': {
    id: "{owner} tidak memiliki isian '{name}'",
    en: "{owner} has no field '{name}'",
  },
  'no-field-of': {
    id: "{owner} tidak memiliki isian '{name}'; yang ada {known}",
    en: "{owner} has no field '{name}'; it has {known}",
  },
  'takes-types': {
    id: '{type}.{element} menerima {types}, bukan {wanted}',
    en: '{type}.{element} takes {types}, not {wanted}',
  },
  'takes-values': {
    id: '{type}.{element} menerima {types}, bukan nilai seperti itu',
    en: '{type}.{element} takes {types}, not such a value',
  },
  'import-circle': {
    id: 'peta yang diimpor kembali ke peta ini: {circle}',
    en: 'the imports come back to this map: {circle}',
  },
  'word-record': {
    id: 'data ini',
    en: 'the record',
  },
  'word-at-least': {
    id: 'sedikitnya {least}',
    en: 'at least {least}',
  },
  'word-range': {
    id: '{least} sampai {most}',
    en: '{least} to {most}',
  },
  'word-map-url': {
    id: 'url peta',
    en: 'the url of the map',
  },
  'word-map-name': {
    id: 'nama peta',
    en: 'the name of the map',
  },
  'word-import-url': {
    id: 'url peta yang diimpor',
    en: 'the url of the imported map',
  },
  'word-structure-url': {
    id: 'url struktur',
    en: 'the url of the structure',
  },
  'word-concept-map-name': {
    id: 'nama peta konsep',
    en: 'the name of the concept map',
  },
  'word-system': {
    id: 'sistemnya',
    en: 'the system',
  },
  'word-end': {
    id: 'akhir peta',
    en: 'the end of the map',
  },
} as const;

/** What is wrong with a map. */
export const says = problemsOf(MAP_PROBLEMS);
