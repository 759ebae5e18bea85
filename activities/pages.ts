/** All pages, one after the other: `ask` gets each by its token, the first by none, and `nextOf` finds in it the token of the next. */
export async function* eachPage<Page>(
  ask: (token?: string) => Promise<Page>,
  nextOf: (page: Page) => string | undefined,
): AsyncGenerator<Page, void, undefined> {
  let token: string | undefined;
  do {
    const page = await ask(token);
    yield page;
    token = nextOf(page);
  } while (token);
}

/** The items of all pages. */
export async function pages<Page, Item>(
  ask: (token?: string) => Promise<Page>,
  itemsOf: (page: Page) => Item[],
  nextOf: (page: Page) => string | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of eachPage(ask, nextOf)) items.push(...itemsOf(page));
  return items;
}
