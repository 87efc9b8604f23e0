exports.isEmpty = true
