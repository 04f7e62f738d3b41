import { describe, expect, test } from "bun:test";
import { parseConfig } from "./client-config.ts";
import { refused, runCyme } from "./test-run.ts";

type Run = Awaited<ReturnType<typeof runCyme>>;
const body = ({ requests }: Run) => requests[0]?.json;

describe("createsuperuser", () => {
  test("asks for the name and twice for the password, on a terminal", async () => {
    const run = await runCyme(["createsuperuser"], { typed: ["ann", "correct horse", "correct horse"] });
    expect(run.requests[0]?.path).toBe("/api/users/ann/");
    expect(body(run)).toEqual({ password: "correct horse", role: "admin" });
    expect(run.asked).toEqual(["User name [me]: ", "New password of ann: ", "Once more: "]);
    expect(run.stdout + run.stderr).not.toContain("horse");
  });

  test("is about the user of the system where nothing is typed", async () => {
    const run = await runCyme(["createsuperuser"], { typed: ["", "correct horse", "correct horse"] });
    expect(run.requests[0]?.path).toBe("/api/users/me/");
  });

  test("asks again where two passwords differ, and at once where one is too short", async () => {
    const typed = ["correct horse", "correct house", "short", "battery staple", "battery staple"];
    const run = await runCyme(["createsuperuser", "ann"], { typed });
    expect(body(run)).toEqual({ password: "battery staple", role: "admin" });
    const [first, again] = ["New password of ann: ", "Once more: "];
    expect(run.asked).toEqual([first, again, first, first, again]);
    expect(run.stderr).toContain("the same one twice\nCannot use password: wanted 8 characters or more");
  });

  test("asks three times at most", async () => {
    const run = await runCyme(["createsuperuser", "ann"], { typed: ["", "short", "short", "correct horse"] });
    expect(run).toMatchObject({ code: 2, sent: [] });
    expect(run.asked).toHaveLength(3);
  });

  test.each([
    [["createsuperuser", "ann"], undefined] as const,
    [["createsuperuser", "ann", "--stdin"], ["x"]] as const,
  ])("reads the first line of standard input: %j, typed %j", async (argv, typed) => {
    const files = { "-": "correct horse\nnot this\n" };
    const run = await runCyme(argv, { files, ...(typed && { typed }) });
    expect(body(run)).toEqual({ password: "correct horse", role: "admin" });
  });

  test("says whom it is about where nobody can be asked", async () => {
    const { stderr } = await runCyme(["createsuperuser"], { files: { "-": "correct horse\n" } });
    expect(stderr).toBe("No name was given: the user is called me\n");
  });

  test("needs a password", async () => {
    const run = await runCyme(["createsuperuser", "ann"], { files: { "-": "\n" } });
    expect(run).toMatchObject({ code: 2, sent: [] });
  });
});

describe("users and tokens", () => {
  const files = { "-": "correct horse\n" };

  test.each<[string, string]>([
    ["users.add ann", 'POST /api/users/ann/ {"password":"correct horse","role":"viewer"}'],
    ["users.add ann --role operator", 'POST /api/users/ann/ {"password":"correct horse","role":"operator"}'],
    ["users.set ann --role admin", 'PUT /api/users/ann/ {"role":"admin"}'],
    ["users.set ann --new-password", 'PUT /api/users/ann/ {"password":"correct horse"}'],
    ["users.set ann --stdin --role viewer", 'PUT /api/users/ann/ {"role":"viewer","password":"correct horse"}'],
  ])("cyme %s sends %s", async (command, sent) => {
    const run = await runCyme(command.split(" "), { files });
    expect(run.sent.at(-1)).toBe(sent);
  });

  test("users.set of a misspelt name adds nobody", async () => {
    const answer = { status: 404, text: '{"nok":"Cannot find user \\"an\\"","error":"not-found","user":"an"}' };
    const run = await runCyme(["users.set", "an", "--new-password", "--role", "admin"], { files, answer });
    expect(run).toMatchObject({ code: 3, sent: ["GET /api/users/an/"] });
    expect(run.stderr).toBe('error: Cannot find user "an"\nTo list them: cyme users\n');
  });

  test("createsuperuser of one that exists says how it is given another password", async () => {
    const text = '{"nok":"User \\"root\\" exists already: change it with PUT","error":"conflict","user":"root"}';
    const run = await runCyme(["createsuperuser", "root"], { files, answer: { status: 409, text } });
    expect(run.stderr).toBe(
      'error: User "root" exists already\nTo set a new password: cyme users.set root --new-password\n',
    );
  });

  test.each(["users.add ann --role root", "users.set ann", "users.add a/b", "tokens.add .."])(
    "cyme %s is refused",
    async (command) => {
      const run = await runCyme(command.split(" "), { files });
      expect(run).toMatchObject({ code: 2, sent: [] });
    },
  );
});

test.each([
  ["users", "There are no users; cyme createsuperuser adds one.\n"],
  ["tokens", "There are no tokens; cyme tokens.add makes one.\n"],
  ["audit", "No change was asked for so far.\n"],
])("cyme %s says to people that there is nothing", async (command, said) => {
  const answer = { text: "[]" };
  expect(await runCyme([command], { answer })).toMatchObject({ stdout: "", stderr: said });
  expect(await runCyme([command, "-F", "json"], { answer })).toMatchObject({ stdout: "[]\n", stderr: "" });
});

test.each([
  ["closed", "users.add ann", "From now on every request needs a login, "],
  ["open", "users.delete ann", "Nobody is known any more: "],
])("that the branch is %s now is told by %s", async (access, command, said) => {
  const answer = { headers: { "X-Cyme-Access": access } };
  const run = await runCyme(command.split(" "), { files: { "-": "correct horse\n" }, answer });
  expect(run.stderr).toStartWith(said);
});

describe("who is not let in", () => {
  const refusal = async (nok: string) => {
    const answer = { status: 401, text: JSON.stringify({ nok, error: "unauthorized" }) };
    return (await runCyme(["apps"], { answer })).stderr;
  };

  test("is told how to show who he is, where he has shown nothing", async () => {
    const stderr = await refusal("This takes a token (Authorization: Bearer …)");
    expect(stderr).toContain("CYME_TOKEN or ~/.config/cyme/config.json");
    expect(stderr).toContain("https://name:password@… in CYME_URL");
    expect(stderr).not.toContain("--url");
    expect(stderr).toContain("-L -D <instance dir>");
  });

  test("is told nothing of that where what he has shown is no good", async () => {
    const nok = 'The token "ci" has expired: ask an admin for another one';
    expect(await refusal(nok)).toBe(`error: ${nok}\n`);
  });
});

describe("the configuration of the client", () => {
  const file = (fields: object, mode = 0o100600) => ({ text: JSON.stringify(fields), mode });
  const env = { HOME: "/home/me" };
  const config = file({ url: "https://cyme.example:8000", token: "cyme_file" });

  test("says which branch is asked, and by whom", async () => {
    expect((await runCyme(["apps"], { env, config })).opened).toEqual(["http https://cyme.example:8000 cyme_file"]);
  });

  test("says less than a variable, and that less than an option", async () => {
    const given = { config, env: { ...env, CYME_TOKEN: "cyme_variable" } };
    expect((await runCyme(["apps"], given)).opened).toEqual(["http https://cyme.example:8000 cyme_variable"]);
    expect((await runCyme(["apps", "--token", "cyme_option"], given)).opened).toEqual([
      "http https://cyme.example:8000 cyme_option",
    ]);
  });

  test("gives its token to no other branch than its own", async () => {
    expect((await runCyme(["apps", "-u", "https://other.example"], { env, config })).opened).toEqual([
      "http https://other.example",
    ]);
    expect((await runCyme(["apps", "-u", "https://cyme.example:8000/"], { env, config })).opened).toEqual([
      "http https://cyme.example:8000/ cyme_file",
    ]);
  });

  test("without a url gives its token to the default address alone, however that is named", async () => {
    const settings = { env, config: file({ token: "cyme_file" }) };
    expect((await runCyme(["apps"], settings)).opened).toEqual(["http http://127.0.0.1:8000 cyme_file"]);
    expect((await runCyme(["apps", "-u", "http://127.0.0.1:8000/"], settings)).opened).toEqual([
      "http http://127.0.0.1:8000/ cyme_file",
    ]);
    for (const other of ["https://evil.example", "http://127.0.0.1:8001"]) {
      expect((await runCyme(["apps", "-u", other], settings)).opened).toEqual([`http ${other}`]);
      const byVariable = { ...settings, env: { ...env, CYME_URL: other } };
      expect((await runCyme(["apps"], byVariable)).opened).toEqual([`http ${other}`]);
    }
  });

  test.each([
    ["--token", ["--token", "cyme_wrong"], {}],
    ["CYME_TOKEN", [], { CYME_TOKEN: "cyme_wrong" }],
    ["/home/me/.config/cyme/config.json", [], {}],
  ])("is told of where it was refused: that of %s", async (from, args, more) => {
    const answer = { status: 401, text: '{"nok":"The token is none of this cluster","error":"unauthorized"}' };
    const settings = { env: { ...env, ...more }, answer, config: file({ token: "cyme_file" }) };
    const { stderr } = await runCyme(["apps", ...args], settings);
    expect(stderr).toContain(`The token is that of ${from}.\n`);
    expect(stderr).not.toMatch(/cyme_(wrong|file)/);
  });

  test.each([
    [401, "unauthorized", {}],
    [503, "unavailable", { reached: false }],
  ])("is told of where it was not used and the answer is %d", async (status, error, facts) => {
    const answer = { status, text: JSON.stringify({ nok: "No.", error, ...facts }) };
    const settings = { env, answer, config: file({ url: "https://me:hush@cyme.example:8000", token: "cyme_file" }) };
    const other = await runCyme(["apps", "-u", "https://other.example"], settings);
    expect(other.stderr).toContain(
      "/home/me/.config/cyme/config.json is for https://cyme.example:8000 and was not used.\n",
    );
    expect((await runCyme(["apps"], settings)).stderr).not.toContain("was not used");
  });

  test("is refused where others can read it, saying what to do", async () => {
    const run = await runCyme(["apps"], { env, config: file({ token: "cyme_file" }, 0o100644) });
    expect(run).toMatchObject({ code: 2, sent: [] });
    expect(run.stderr).toContain("chmod 600 /home/me/.config/cyme/config.json");
    expect(run.stderr).not.toContain("cyme_file");
  });

  test.each([["no json"], ['{"tokens":"hush"}'], ['{"token":7}'], ["[]"]])("is refused where it is %s", (text) => {
    expect(() => parseConfig("config.json", { text, mode: 0o600 })).toThrow("config.json");
  });

  test("is not asked for on the directory itself", async () => {
    const run = await runCyme(["apps", "-L", "-D", "d"], { env, config: file({ token: "x" }, 0o644) });
    expect(run.opened).toEqual(["local d"]);
  });
});

test("a role that is none is refused, naming the known ones", async () => {
  expect(await refused(["tokens.add", "ci", "--role", "boss"])).toContain("viewer, operator, admin");
});
