// Package toolchain turns a contract's project into a bundle: it finds the compilers of
// the machine, installs what is missing, and builds so that the same source and the same
// compilers give the same bytes, in whatever folder.
//
// A build never sees the project's folder. The files that the manifest lists are copied
// into an empty one, the SDK beside them, and the compiler runs there with an environment
// of its own. So the source archive of a bundle is, by construction, what its artefact was
// built from, and a bundle is rebuilt from its own archive.
package toolchain
