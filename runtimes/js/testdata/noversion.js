// A contract that says no version.
function validate() {}
