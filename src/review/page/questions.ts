import type {
  Card,
  Correlations,
  DecisionRequest,
  FileFacts,
  Figures,
  Filter,
  PairRecord,
  Relation,
  Selection,
  Sort,
} from "../wire.js";

/** The service's answer says what is wrong. */
export class QuestionError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function answerOf<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`api/${path}`, init);
  } catch {
    throw new QuestionError(0, "scpo pairs view has ended or cannot be reached; start it again");
  }
  const answer = (await response.json()) as Answer | { error: string };
  if (response.ok) return answer as Answer;
  throw new QuestionError(response.status, (answer as { error: string }).error);
}

function query(parts: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  return new URLSearchParams(Object.entries(parts).map(([name, value]) => [name, text(value)])).toString();
}

/** What the page asks of the service. */
export const ask = {
  file: () => answerOf<FileFacts>("file"),
  selection: (filter: Filter, sort: Sort) => answerOf<Selection>(`selection?${query({ filter, sort })}`),
  cards: (key: string, from: number, count: number) => answerOf<Card[]>(`cards?${query({ key, from, count })}`),
  record: (row: number) => answerOf<PairRecord>(`pairs/${row}`),
  figures: (filter: Filter) => answerOf<Figures>(`figures?${query({ filter })}`),
  relation: (filter: Filter, x: string, y: string) => answerOf<Relation>(`relation?${query({ filter, x, y })}`),
  correlations: (filter: Filter) => answerOf<Correlations>(`correlations?${query({ filter })}`),
  decide: (request: DecisionRequest) =>
    answerOf<Card>("decisions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    }),
  /** Why an image cannot be shown. */
  imageFault: async (address: string): Promise<string> => {
    const response = await fetch(address).catch(() => null);
    if (response === null) return "cannot be reached";
    if (response.ok) return "cannot be decoded";
    return ((await response.json()) as { error: string }).error;
  },
};
