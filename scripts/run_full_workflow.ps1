# scripts/run_full_workflow.ps1 [FILE] [--root FOLDER] [--set KEY=VALUE]...: what
# run_full_workflow.sh does, on Windows.
$ErrorActionPreference = "Stop"
function Run {
    & (Join-Path $PSScriptRoot "run.ps1") @args
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}
$words = @($args)
if ($words.Count -gt 0 -and -not $words[0].StartsWith("-")) {
    $source = "qna.source.path=" + (Resolve-Path -LiteralPath $words[0]).Path
    $words = @($words | Select-Object -Skip 1)
    Run qna @words --set $source prepare
} else {
    Run qna @words extract
    Run qna @words prepare
}
$tables = @("--set", "processed.tables=[data/qna_prompt_response.csv]", "--set", "processed.rooms=none")
Run preprocess @tables @words
Run train @words
