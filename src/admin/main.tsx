import { render } from "preact";
import { App } from "./frame/app.tsx";
import { followWidth } from "./kit/narrow.ts";
import { followVisibility } from "./state/live.ts";
import { followAddress } from "./state/router.ts";
import { recallTheme } from "./state/theme.ts";
import { startClock } from "./state/time.ts";

recallTheme();
followAddress();
followWidth();
followVisibility();
startClock();
const place = document.getElementById("page");
if (place) render(<App />, place);
