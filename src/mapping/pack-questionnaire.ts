import {
  and,
  anyOf,
  conditionOf,
  copy,
  id,
  into,
  pointer,
  quantity,
  type Rule,
  type Target,
  text,
  translated,
  whereThere,
} from './pack-rules.ts';
import type { Item, Question } from './packs.ts';

interface Node {
  readonly linkId: string;
  text?: string;
  item?: Item;
  readonly inner: Map<string, Node>;
}

/** One response per questionnaire of the form; its items in the order and depth that the places of the rows say. */
export function questionnaireRules(items: readonly Item[], questions: ReadonlyMap<string, Question>): Rule[] {
  const roots = new Map<string, Node>();
  // What is asked for several of them calls for the first; and no answer that only is pointed to calls for any.
  const callers = new Map<string, Item[]>();
  const asked = new Set<string>();
  for (const item of items.filter(({ resource }) => resource === 'QuestionnaireResponse')) {
    const url = item.questionnaire as string;
    let node: Node = roots.get(url) ?? { linkId: url, inner: new Map() };
    roots.set(url, node);
    if (item.question !== '' && !asked.has(item.question)) callers.set(url, [...(callers.get(url) ?? []), item]);
    asked.add(item.question);
    for (const linkId of (item.linkId as string).split('/')) {
      const next: Node = node.inner.get(linkId) ?? { linkId, inner: new Map() };
      node.inner.set(linkId, next);
      node = next;
    }
    if (item.question !== '' || item.reference !== undefined) node.item = item;
    node.text = item.text as string;
  }
  return [...roots].map(([url, root]) => {
    const name = url.slice(url.lastIndexOf('/') + 1);
    return {
      name: `questionnaire-${name}`,
      source: [{ context: 'service', element: 'answers', variable: 'filled', condition: anyOf(callers.get(url) ?? []) }],
      target: [
        { ...into('bundle'), element: 'entry', variable: 'entry' },
        {
          ...into('entry'),
          element: 'fullUrl',
          transform: 'append',
          parameter: [text(`role:questionnaireresponse:${name}@`), id('origin')],
        },
        copy('entry', 'id', questionnaireItem(url)),
        { ...into('entry'), element: 'resource', variable: 'resource', transform: 'create', parameter: [text('QuestionnaireResponse')] },
        copy('resource', 'questionnaire', url),
      ],
      rule: [...root.inner.values()].map((node) => itemRule(node, 'resource', 0, questions)),
      dependent: [{ name: 'QuestionnaireStatement', variable: ['ctx', 'resource'] }],
    };
  });
}

/** Key of the delivery policy of a questionnaire's response. */
export const questionnaireItem = (url: string): string => `questionnaire.${url.slice(url.lastIndexOf('/') + 1)}`;

/** Items whose answers make a node appear: those of the node itself stand for what is within its answer. */
function itemsBelow(node: Node): readonly Item[] {
  return node.item === undefined ? [...node.inner.values()].flatMap(itemsBelow) : [node.item];
}

function itemRule(node: Node, parent: string, depth: number, questions: ReadonlyMap<string, Question>): Rule {
  const [variable, answer] = [`item${depth}`, `answer${depth}`];
  const { item } = node;
  // What stands below a question is about its answer.
  const below = item === undefined ? variable : answer;
  const inner = [...node.inner.values()].map((each) => itemRule(each, below, depth + 1, questions));
  return {
    name: `item-${node.linkId}`,
    source: [{ context: 'service', element: 'answers', variable: `within${depth}`, condition: anyOf(itemsBelow(node)) }],
    target: [
      { ...into(parent), element: 'item', variable },
      copy(variable, 'linkId', node.linkId),
      ...(node.text === undefined ? [] : [copy(variable, 'text', node.text)]),
    ],
    rule:
      item === undefined
        ? inner
        : [
            {
              name: item.item,
              source: [
                item.reference === undefined
                  ? { context: 'answers', element: item.question, variable: 'value', ...and(conditionOf(item.when)) }
                  : whereThere(item.reference),
              ],
              target: [
                { ...into(variable), element: 'answer', variable: answer },
                ...(item.reference === undefined
                  ? answerTarget(answer, questions.get(item.question) as Question)
                  : [
                      {
                        ...into(answer),
                        element: 'value',
                        transform: 'create' as const,
                        parameter: [text('Reference')],
                        variable: 'pointer',
                      },
                      pointer('pointer', item.reference),
                    ]),
              ],
              ...(inner.length > 0 && { rule: inner }),
            },
          ],
  };
}

function answerTarget(answer: string, question: Question): Target[] {
  const value = { ...into(answer), element: 'value' };
  const cast = (type: string): Target[] => [{ ...value, transform: 'cast', parameter: [id('value'), text(type)] }];
  switch (question.kind) {
    case 'code':
    case 'codes':
      return [translated(answer, 'value', 'value', question.answers as string, 'Coding')];
    case 'number':
      return question.unit === undefined ? cast('decimal') : [{ ...value, ...quantity('value', question.unit) }];
    case 'integer':
      return cast('integer');
    case 'boolean':
      return cast('boolean');
    case 'date':
    case 'dateTime':
      return cast(question.kind);
    default:
      return cast('string');
  }
}
