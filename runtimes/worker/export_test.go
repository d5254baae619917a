package worker

// Raced says that workers have no limit on memory in this build.
const Raced = raced
