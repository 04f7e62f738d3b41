/** The inflorescence that the program is named after. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <path class="stem" d="M16 29V13M16 23C10 22 7 18 7 13M16 19c6-1 9-5 9-9" />
      <circle class="bloom" cx="16" cy="8" r="5" />
      <circle class="bloom is-younger" cx="7" cy="10" r="3.600" />
      <circle class="bloom is-youngest" cx="25" cy="7.500" r="3" />
    </svg>
  );
}
