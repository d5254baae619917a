package main

import "github.com/spf13/cobra"

func scenarioTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "scenario",
		Short: "how a test scenario is written",
		Long: `A scenario is a text file with one statement a line; # begins a comment. A word with
spaces stands in double quotes. It may be a txtar archive: then @NAME is the content of
its file of that name.

What happens:

  put ADDRESS KEY VALUE        an event: runs validate and, when it accepts, react
  delete ADDRESS KEY           an event
  query KEY [ARG]              a question to the query entry
  migrate [FROM]               the contract takes over from the version before

Below it stands what must have come of it. Without accept, reject or fault it must have
been accepted. The address . is the contract's own state.

  accept                       it was accepted
  reject [CODE [MESSAGE]]      the contract rejected it
  fault CODE                   the contract failed: trap, out-of-gas, denied, ...
  value ADDRESS KEY VALUE      the current value is now this
  absent ADDRESS KEY           there is no current value now
  emitted TOPIC DATA           it emitted this
  submitted ADDRESS KEY VALUE  react submitted this
  requested METHOD URL [BODY]  react sent this request
  reply TEXT                   the query answered this
  gas NUMBER, gas <=NUMBER     it took this much gas
  logged TEXT                  a line of the log contains this

What is around the contract, from here on:

  set ADDRESS KEY VALUE        a value that is in the chain already
  state @NAME                  the whole state: see kalima-contract run --help
  as NAME [ROLE...]            who sends the events that follow
  at TIME                      block time of the next event, such as 2026-01-31T08:00:00Z
  measured TIME                when the sender of the next event measured it
  deliver NAME [ROLE...]       what react submits comes in as events of this sender;
                               deliver alone ends that
  grant write|submit PATTERN   what the contract may do, beside what kalima.toml says
  grant http ORIGIN            it may send requests there
  grant clock                  it may read the node's clock
  limit NAME NUMBER            gas, memory, depth, writes, bytes or log of one call
  http METHOD URL STATUS BODY  what a request is answered; without STATUS BODY: nothing
  clock TIME                   what the node's clock says
  answer NAME KEY ARG REPLY    what the query of another contract answers
  use PATH                     another project or bundle, beside the scenario, takes the
                               contract's place, until migrate
  case NAME                    begins anew; what stands before the first case is the
                               beginning of each

For example:

  put /plant/line1 temperature 21.5
    value . temperature 1
  put /plant/line1 temperature warm
    reject 1 "value is not a number"`,
	}
}
