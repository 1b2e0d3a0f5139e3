// Runs a declarative Jenkinsfile with a shell, as far as the examples use the language: stages in order, `when`, `post`,
// credentials, and sh as Jenkins does it (-xe). What it does not know is an error. There is no Jenkins to be had as a
// package; this is Jenkins' own language with Groovy itself to parse it.
//   groovy jenkins.groovy JENKINSFILE    CREDENTIAL_<id>=<file or text> are the credentials, BRANCH_NAME the branch
class Stop extends RuntimeException { Stop(String message) { super(message) } }

// Variables are those of an environment block.
class Variables {
  Map<String, String> set = [:]
  Map<String, String> env = System.getenv()
  void propertyMissing(String name, value) { set.put(name, value as String) }
}

class Jenkins {
  Map<String, String> variables = [:]
  def wanted = true, work = null, after = null

  def within(Closure body) { body.delegate = this; body.resolveStrategy = Closure.DELEGATE_FIRST; body() }

  def pipeline(Closure body) { within body }
  def agent(Closure body) { }
  def options(Closure body) { }
  def environment(Closure body) {
    def block = new Variables()
    body.delegate = block
    body.resolveStrategy = Closure.DELEGATE_FIRST
    body()
    variables.putAll(block.set)
  }
  def stages(Closure body) { within body }
  def stage(String name, Closure body) {
    println "stage: $name"
    wanted = true; work = null; after = null
    within body
    if (!wanted) { println "skipped: $name"; return }
    def run = work, last = after
    try { within run } finally { if (last) within last }
  }
  def when(Closure body) { wanted = within(body) }
  boolean branch(String name) { System.getenv('BRANCH_NAME') == name }
  def steps(Closure body) { work = body }
  def post(Closure body) { after = body }
  def always(Closure body) { within body }
  def script(Closure body) { within body }
  Map file(Map of) { of }
  Map string(Map of) { of }
  def withCredentials(List list, Closure body) {
    list.each { of ->
      def value = System.getenv('CREDENTIAL_' + of.credentialsId.replace('-', '_'))
      if (value == null) throw new Stop("no credentials ${of.credentialsId}")
      variables.put(of.variable, value)
    }
    try { within body } finally { list.each { variables.remove(it.variable) } }
  }
  def sh(String command) { if (sh(returnStatus: true, script: command) != 0) throw new Stop("sh: $command") }
  def sh(Map of) {
    def builder = new ProcessBuilder('sh', '-xec', of.script).inheritIO()
    builder.environment().putAll(variables)
    def code = builder.start().waitFor()
    if (!of.returnStatus && code != 0) throw new Stop("sh: ${of.script}")
    code
  }
  def error(String message) { throw new Stop(message) }
  def archiveArtifacts(Map of) {
    def found = []
    of.artifacts.split(',').each { pattern ->
      def matches = java.nio.file.FileSystems.default.getPathMatcher('glob:' + pattern.trim())
      new File('.').eachFileRecurse { if (it.file && matches.matches(it.toPath().normalize())) found << it.path }
    }
    if (!found && !of.allowEmptyArchive) throw new Stop("no artifacts ${of.artifacts}")
    println "archived: ${found.size()}"
  }
}

def jenkins = new Jenkins()
def shell = new GroovyShell(new Binding(env: System.getenv()))
def script = shell.parse(new File(args[0]))
script.metaClass.pipeline = { Closure body -> jenkins.pipeline(body) }
try {
  script.run()
} catch (Stop stop) {
  System.err.println "ERROR: ${stop.message}"
  System.exit(1)
}
