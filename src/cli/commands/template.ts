import { type Template, templatesOf } from '../../mapping/tools/index.ts';
import { usage } from '../command-error.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';

/** An empty form of a pack: the header of a table, or a record, ready to be filled in and pushed. Without a name: which packs there are. */
export const printTemplate =
  (name: string | undefined, flags: { csv?: boolean; form?: string; feed?: string }): Action =>
  async (composition, output) => {
    const packs = composition.packs();
    if (name === undefined) {
      output.say(
        table(
          ['paket / pack', 'formulir / forms', '', 'pertanyaan / questions'],
          packs.map((pack) => [
            pack.name,
            pack.forms.map((form) => form.name).join(', '),
            `${pack.title.id} / ${pack.title.en}`,
            pack.questions.length,
          ]),
          [3],
        ),
      );
      output.result(packs.map((pack) => ({ pack: pack.name, title: pack.title, forms: pack.forms.map((form) => form.name) })));
      return 0;
    }
    const pack = packs.find((one) => one.name === name);
    const all = packs.map((one) => one.name).join(', ');
    if (pack === undefined) throw usage(`tidak ada paket ${name}; yang ada: ${all}`, `there is no pack ${name}; there are: ${all}`);
    const fits = ({ form, feed }: Template): boolean => (flags.form ?? form) === form && (flags.feed ?? feed) === feed;
    const template = templatesOf(pack).find(fits);
    if (template === undefined) {
      throw usage(`paket ${name} tidak punya formulir atau jenis data itu`, `the pack ${name} has no such form or feed`);
    }
    output.say(template.columns.join(','));
    output.result(template.record);
    return 0;
  };
