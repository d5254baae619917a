// Package torture makes a call of a contract go wrong in every way that a node could meet:
// gas that ends at each charge, each host function failing, limits that are just reached,
// the same event again. After each it looks whether the sandbox kept its promises:
//
//   - a call that did not accept leaves nothing: no write, no submit, no reply;
//   - the same call ends in the same way, whatever happened in between;
//   - gas used is never more than the limit, and with a higher limit never less;
//   - out of gas is what a call is that may take less than it takes.
//
// A violation is a fault of the engine, or of this program. What the contract itself does
// under such limits is its own business.
package torture
