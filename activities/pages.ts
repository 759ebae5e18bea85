/** The items of all pages: `ask` gets each page by its token, the first by none, and `nextOf` finds in it the token of the next. */
export async function pages<Page, Item>(
  ask: (token?: string) => Promise<Page>,
  itemsOf: (page: Page) => Item[],
  nextOf: (page: Page) => string | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  let token: string | undefined;
  do {
    const page = await ask(token);
    items.push(...itemsOf(page));
    token = nextOf(page);
  } while (token);
  return items;
}
