--- lull.test.usage: what `lull test --help` prints.
return [[
usage: lull test [options] [paths]

Run busted specs, each test a task that may wait.  Paths are spec files and
folders; without any: tests/spec, or spec.  A file .busted gives options, too,
as busted reads it.

Which tests
  --filter=PATTERN      run only tests whose full name matches the Lua pattern
  --filter-out=PATTERN  leave out tests whose full name matches
  --name=NAME           run only the test with exactly this full name
  -t, --tags=TAGS       run only tests with one of these #tags (comma-separated)
  --exclude-tags=TAGS   leave out tests with one of these #tags
  -p, --pattern=PATTERN which files of a folder are specs (default: _spec)
  --exclude-pattern=PATTERN
                        which are not, although they match
  --no-recursive        only files of the folder itself
  -l, --list            name the tests, run none

How
  -j, --jobs=N          spec files in N processes at a time
  --watch               run again when a spec or a file it loads changes
  --timeout=SECONDS     how long a test may take (default: 10)
  --virtual-time        each test in virtual time; else those tagged #virtual
  --repeat=N            run everything N times
  --shuffle             files and tests in random order; also --shuffle-files,
                        --shuffle-tests
  --shuffle-tasks       ready tasks of each test in random order
  --seed=N              the seed of what is shuffled (alone: with --shuffle);
                        the same one gives the same order
  --sort                files and tests by name; also --sort-files, --sort-tests
  --no-keep-going       stop after the first failure
  --lazy                setup and teardown only where tests run
  --no-auto-insulate    files may change what others find

Before the specs
  --helper=PATH         a script or module to load; -Xhelper OPTION for it
  -e CODE               run this
  -m, --lpath=PATH      in front of package.path (default: what is in ./src)
  --cpath=PATH          in front of package.cpath (default: what is in ./csrc)
  -f, --config-file=FILE
                        in place of .busted
  -r, --run=NAME        the part of .busted that is meant

What is told
  -o, --output=HANDLER  utfTerminal, plainTerminal, TAP, junit, json, gtest, or
                        a module or file; -Xoutput OPTION for it
  -v, --verbose         tracebacks of failures
  --suppress-pending    nothing of pending tests
  --defer-print         what tests print comes at the end
  --lang=LANG           the language of the report (default: en)
  -c, --coverage[=FILE] which lines ran: a table, and as an LCOV file (default:
                        lcov.info).  Counted are Lua files below this folder,
                        but not the specs, nor what is in folders named spec,
                        specs, test or tests
  --coverage-include=GLOB
                        only files that match (* and ? within a name, ** across
                        folders), also those that no test loads
  --coverage-exclude=GLOB
                        leave out files that match
  --coverage-min=PERCENT
                        fail when fewer lines ran
  -h, --help            show this text

A test fails, too, when it leaves tasks running or handles open, when an error
reaches lull.on_error, and when it computes past the time without waiting.  Each
option without a value has its opposite, --no-OPTION.  Exit code 0 when all
passed, 1 otherwise; so too when the options leave no test to run.
]]
