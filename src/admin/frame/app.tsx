import { useEffect } from "preact/hooks";
import { silentBranches } from "../api/request.ts";
import { Button } from "../kit/button.tsx";
import { Confirmation } from "../kit/dialog.tsx";
import { Empty } from "../kit/parts.tsx";
import { isLoginShown, recognise, session, sessionTrouble } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { Help } from "./help.tsx";
import { JobPanel } from "./job-panel.tsx";
import { Login } from "./login.tsx";
import { Shell } from "./shell.tsx";
import { Toasts } from "./toasts.tsx";

/** The whole page: the frame once it is known who is there, dialogs and messages over it. */
export function App() {
  useEffect(() => {
    void recognise();
    return silentBranches.subscribe((silent) => {
      if (silent.length > 0) say("note", `Stored. No answer yet from ${silent.join(", ")}: done there on return.`);
    });
  }, []);
  return (
    <>
      {session.value ? <Shell /> : <Outside />}
      <Confirmation />
      <Help />
      {isLoginShown.value && <Login key={session.value?.name ?? ""} />}
      <JobPanel />
      <Toasts />
    </>
  );
}

/** Before it is known who is there. */
function Outside() {
  const trouble = sessionTrouble.value;
  return (
    <main class="outside">
      <h1 class="only-heard">Cyme</h1>
      {trouble !== null && (
        <Empty icon="warn">
          <p>{trouble}</p>
          <Button icon="restart" onClick={() => void recognise()}>
            Try again
          </Button>
        </Empty>
      )}
    </main>
  );
}
